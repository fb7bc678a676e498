"""Dispatch: turn a schedule into jobs."""
