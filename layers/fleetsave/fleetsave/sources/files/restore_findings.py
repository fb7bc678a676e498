"""What the server says of a restored folder, as findings."""

from collections.abc import Mapping
from typing import Any

from fleetsave.model.records import Finding, Level, Outcome

_LACKS = {
    "owner": "{} things have another owner or group than at the source: only root can give them away",
    "mode": "{} things have another mode than at the source",
    "times": "{} things have another time than at the source: the file system cannot keep it",
    "attributes": "{} extended attributes could not be set: the file system or the account cannot",
}


def unpacked(reply: Mapping[str, Any]) -> list[Finding]:
    """Return what came of unpacking beside the target, where everything was read back and compared."""
    detail = f"{int(reply['entries'])} entries, {int(reply['files'])} files read back, each with its SHA-256 of the manifest"
    return [Finding("content", Outcome.PASSED, detail, Level.COMPLETE), *lacking(reply)]


def in_place(reply: Mapping[str, Any]) -> list[Finding]:
    """Return what the comparison found where the target lives; what programs have written since is no fault."""
    entries, failed, written, unreadable = (int(reply[name]) for name in ("entries", "failed", "written", "unreadable"))
    if failed:
        named = "; ".join(str(one) for one in reply["wrong"])
        return [Finding("content", Outcome.FAILED, f"{failed} of {entries} entries are not as in the backup: {named}"[:1000])]
    since = f"; {written} were written since" if written else ""
    unseen = f"; {unreadable} may not be read by this account" if unreadable else ""
    detail = f"{entries - written - unreadable} of {entries} entries are as in the backup{since}{unseen}"
    return [Finding("content", Outcome.PASSED, detail, Level.RESTORED), *lacking(reply)]


def lacking(reply: Mapping[str, Any]) -> list[Finding]:
    """Return a warning of what could not be given back as it was."""
    told = [words.format(int(reply["lacks"][name])) for name, words in _LACKS.items() if reply["lacks"].get(name)]
    return [Finding("attributes", Outcome.WARNING, "; ".join(told))] if told else []
