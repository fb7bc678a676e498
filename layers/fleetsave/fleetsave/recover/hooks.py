"""The server's own commands around a recovery: what stops the game, and what starts it again."""

from datetime import timedelta

from fleetsave.model.errors import RestoreError, StalledError
from fleetsave.model.fleet import Server
from fleetsave.transports.base import Transport

_SHOWN = 300


def run(transport: Transport, server: Server, name: str, command: str) -> str:
    """Run a command as it is given, by the server's `sh`, and return a sentence on it.

    Raise RestoreError, `hook_failed` or `hook_timed_out`, with the end of what it wrote; TransportError if the server is lost.
    """
    seconds = server.recovery.hook_timeout / timedelta(seconds=1)
    try:
        result = transport.run(["sh", "-c", command], timeout=seconds)
    except StalledError as error:
        raise _failed(server, name, f"it did not end within {seconds:g} s", "hook_timed_out") from error
    if result.status:
        said = (result.errors or result.output)[-_SHOWN:].decode("utf-8", "backslashreplace").strip()
        raise _failed(server, name, f"it ended with status {result.status} and said {said!r}", "hook_failed")
    return f"the {name} command ended with status 0"


def _failed(server: Server, name: str, cause: str, reason: str) -> RestoreError:
    return RestoreError(
        f"run the {name} command on", server.id, cause,
        f"Run recovery.{name} of the fleet file by hand as the account for restoring, and mend it.", reason=reason,
    )  # fmt: skip
