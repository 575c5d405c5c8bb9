"""Notifications: a digest each day, and severe exceptions at once, by mail and webhook."""

from __future__ import annotations

from gateway.notifications.notifier import Notifier, NotifierThread, check, identity

__all__ = ["Notifier", "NotifierThread", "check", "identity"]
