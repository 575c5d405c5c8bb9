"""What is wrong with a mapping before any file comes."""
