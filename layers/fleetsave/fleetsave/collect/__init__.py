"""Collect: capture an artifact on its server and store it, resumably."""
