"""The way to where a recovery restores to, open for as long as a run needs it; one for each kind of server."""

from typing import Protocol

from fleetsave.model.errors import ConfigurationError
from fleetsave.model.fleet import Fleet, Server
from fleetsave.model.recoveries import Recovery
from fleetsave.model.recovery_records import RecoveryPlan
from fleetsave.recover import hooks
from fleetsave.sources.base import Restorer
from fleetsave.transports.base import Transport

_MOST = 0.85


class OpenTarget(Protocol):
    """What a run has of its target."""

    @property
    def restorer(self) -> Restorer:
        """Return the way of this backup into its target."""
        ...

    @property
    def seconds_in_one_go(self) -> float:
        """Return how long a run should still have before it brings or checks the copy, where that cannot go on in another."""
        ...

    def run_hook(self, name: str, command: str) -> str:
        """Run one of the target's commands, and return a sentence. Raise RestoreError if it fails, TransportError."""
        ...

    def close(self) -> None:
        """Give back what it holds; closing twice is no error."""
        ...


class ServerTarget:
    """A game server, reached by a transport that is the target's own from now on."""

    seconds_in_one_go = 0.0

    def __init__(self, server: Server, transport: Transport, restorer: Restorer) -> None:
        self.restorer = restorer
        self._server = server
        self._transport = transport

    def run_hook(self, name: str, command: str) -> str:
        """Run one of the server's commands, and return a sentence. Raise RestoreError if it fails, TransportError."""
        return hooks.run(self._transport, self._server, name, command)

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()


class AgentTarget:
    """A game server behind its agent, which runs no commands; every step is a request of its own."""

    seconds_in_one_go = 0.0

    def __init__(self, restorer: Restorer) -> None:
        self.restorer = restorer

    def run_hook(self, name: str, command: str) -> str:  # noqa: ARG002 - the port's arguments
        """Raise ConfigurationError: there is no command to run."""
        raise ConfigurationError(
            "run", name, "an agent runs no commands", "Stop and start what uses the files by your own means."
        )  # fmt: skip

    def close(self) -> None:
        """Nothing is open."""


class DatabaseTarget:
    """A database server, which has no commands of its own; every step opens and closes its sessions.

    `seconds` are what a run has at its beginning.
    """

    def __init__(self, restorer: Restorer, seconds: float) -> None:
        self.restorer = restorer
        # A transaction cannot go on in another run: it begins in one that still has most of its time.
        self.seconds_in_one_go = seconds * _MOST

    def run_hook(self, name: str, command: str) -> str:  # noqa: ARG002 - the port's arguments
        """Raise ConfigurationError: there is no command to run."""
        raise ConfigurationError(
            "run", name, "a database server has no commands", "Stop and start what uses it by your own means."
        )  # fmt: skip

    def close(self) -> None:
        """Nothing is open."""


def server_of(fleet: Fleet, server_id: str) -> Server:
    """Return the game server that is restored to. Raise ConfigurationError if the fleet file names it no longer."""
    for server in fleet.servers:
        if server.id == server_id:
            return server
    raise ConfigurationError("recover", server_id, "the fleet file no longer names this server", "Put it back, and ask again.")


def planned(recovery: Recovery) -> RecoveryPlan:
    """Return a recovery's plan. Raise ValueError before it was made: nothing is opened without one."""
    if recovery.plan is None:
        raise ValueError(f"{recovery.id} has no plan yet")
    return recovery.plan
