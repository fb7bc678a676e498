"""Serverless backups for fleets of game servers; no backup counts until it has been restored."""

__version__ = "0.1.0"
