"""The composition root: settings -> ports. Built on the first call, never at import; the only place that knows them all."""

from fleetsave.services.composition import Services, build, open_store, services

__all__ = ["Services", "build", "open_store", "services"]
