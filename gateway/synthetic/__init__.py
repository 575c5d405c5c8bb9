"""A synthetic business with a known answer: files of two weeks, and a list of what was planted in them."""

from __future__ import annotations

from gateway.synthetic.business import Business, Truth
from gateway.synthetic.write import generate

__all__ = ["Business", "Truth", "generate"]
