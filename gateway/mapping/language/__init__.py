"""The mapping language: what a mapping file may say, expressions included."""
