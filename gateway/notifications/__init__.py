"""Telling people: a digest each day, and grave exceptions at once, by mail and webhook."""

from __future__ import annotations

from gateway.notifications.notifier import Notifier, Telling, check, identity

__all__ = ["Notifier", "Telling", "check", "identity"]
