"""Watchdog: what should be there and is not, told and mended."""
