"""Readers of bank statements: MT940, MT942, BAI2, OFX."""
