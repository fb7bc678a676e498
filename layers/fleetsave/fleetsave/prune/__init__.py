"""Prune: delete what the retention policy lets go, and never more."""
