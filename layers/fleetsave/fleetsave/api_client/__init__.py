"""Calling the recovery API from outside: the command line and the demonstration do."""

from fleetsave.api_client.client import RecoveryApi, Reply

__all__ = ["RecoveryApi", "Reply"]
