"""Acknowledgements and feedback to partners about the files that they sent."""
