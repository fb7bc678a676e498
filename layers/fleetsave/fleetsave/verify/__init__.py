"""Verify: restore a stored backup for real and judge it."""
