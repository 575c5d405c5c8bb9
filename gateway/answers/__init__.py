"""What partners are told of the files that they sent."""
