"""Acknowledgements to partners: judged from what a file's reader, mapping and commit said, recorded, then written."""
