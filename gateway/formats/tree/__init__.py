"""Readers of documents: XML and JSON."""
