"""What settlement lines turn out to be, once other records are known."""
