"""What telling needs from outside."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from fleetsave.model.errors import FleetsaveError
from fleetsave.notices.notice import Notice
from fleetsave.store.base import ObjectStore


class Channel(Protocol):
    """One way to people."""

    @property
    def name(self) -> str:
        """Return what to call this channel in logs and in the state: its position and its kind, never its address."""
        ...

    def send(self, notice: Notice, seconds: float) -> None:
        """Deliver a notice within so many seconds. Raise ChannelError, without the address in it, if it may not have arrived."""
        ...


class Ping(Protocol):
    """One address of a service that raises an alarm when it is not called in time, as Healthchecks does."""

    def call(self, text: str, seconds: float, *, failed: bool = False) -> None:
        """Say that all is well, or with `failed` that it is not, within so many seconds. Raise ChannelError."""
        ...


@dataclass(frozen=True)
class NoticePorts:
    """Everything `tell` uses.

    `pings` holds the address for `fleet`, and for artifacts (`server/kind/artifact`). `refused` is why the secret that names
    channels and pings cannot be used, if it cannot: what should have gone to its channels then waits. `seconds` counts time.
    """

    store: ObjectStore
    channels: Sequence[Channel] = ()
    pings: Mapping[str, Ping] = field(default_factory=dict)
    refused: FleetsaveError | None = None
    seconds: Callable[[], float] = time.monotonic
