"""The port `Restorer` for folders: every step is asked of the on-server script, which can repeat each after a cut."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from fleetsave.model.fleet import Server
from fleetsave.model.records import Finding, Fingerprint
from fleetsave.model.recovery_keys import RecoveryId
from fleetsave.model.recovery_records import RecoveryPlan, Survey, SwapMethod, SwapReport
from fleetsave.sources.base import CopyReport
from fleetsave.sources.files import server_side
from fleetsave.sources.files.restore_findings import in_place, unpacked
from fleetsave.sources.files.restore_refusals import tree_refusal
from fleetsave.sources.script_upload import LEG_BYTES, Script, ScriptUpload
from fleetsave.sources.sqlite.remote_python import NoPythonError, RemotePython
from fleetsave.transports.base import Transport

_Model = TypeVar("_Model")
_NO_ROWS = Fingerprint({}, "")
_SURVEY, _SWAP = TypeAdapter(Survey), TypeAdapter(SwapReport)


class TreeRestorer:
    """A folder, or chosen paths of it, out of one archive on its way into one folder of one server.

    It goes over a transport that runs commands, or by a script's own way. `deadline` bounds each step on the server; the upload
    only while nothing arrives. Where the plan names no artifact a new folder is made, in one of `allowed_folders` and nowhere
    else. `chosen` are the files of which it matters who has them open, none for what the plan's patterns match; `away` are paths
    that are moved aside although the copy has none.
    """

    def __init__(
        self,
        reach: Transport | Script,
        server: Server,
        plan: RecoveryPlan,
        recovery_id: RecoveryId,
        *,
        deadline: timedelta,
        allowed_folders: Sequence[str],
        chosen: Sequence[str] = (),
        away: Sequence[str] = (),
        leg_bytes: int = LEG_BYTES,
    ) -> None:
        if plan.selection is None:
            raise ValueError(f"the plan of {recovery_id} selects nothing of an archive")
        self._transport = None if isinstance(reach, Script) else reach
        self._script = reach if isinstance(reach, Script) else _script(reach, server, plan.target_path)
        self._path = plan.target_path
        self._request: dict[str, Any] = {
            "path": plan.target_path,
            "recovery": str(recovery_id),
            "deadline": deadline / timedelta(seconds=1),
            "sha256": plan.plain_sha256,
            "size": plan.plain_size,
            "expected_size": plan.selection.expected_size,
            "entries": plan.selection.entries,
            "content_size": plan.selection.content_size,
            "links_out": plan.selection.links_out,
            "paths": list(plan.selection.paths),
            "chosen": list(chosen),
            "away": list(away),
            "new_in": list(allowed_folders) if plan.artifact is None else None,
        }
        self._upload = ScriptUpload(
            self._script, "tree_receive", self._request, deadline=self._request["deadline"], read_received=self._number,
            reconnect=self._reconnect, leg_bytes=leg_bytes,
        )  # fmt: skip

    def survey(self) -> Survey:
        """Look at the target and its disk. Raise RestoreError if the server is not fit for the recovery."""
        found = self._read(_SURVEY, self._call("survey"))
        if found.room_free is not None and found.room_free < found.room_needed:
            cause = f"{found.room_needed} bytes are needed on its disk, and {found.room_free} are free"
            raise tree_refusal(self._path, "no_room", cause)
        return found

    def received(self) -> int:
        """Return how many plain bytes of the copy the server has."""
        return self._number(self._call("received"))

    def receive(self, offset: int, chunks: Iterator[bytes], told: Callable[[int], None]) -> None:
        """Write the copy's bytes from `offset` on; what arrived stays, whatever ends it."""
        self._require_commands()
        try:
            self._upload.send(offset, chunks, told)
        except NoPythonError as error:
            raise self._no_python(error) from error

    def check(self) -> CopyReport:
        """Let the server unpack the copy beside the target, and read back and compare every entry."""
        reply = self._call("check")
        try:
            return CopyReport(str(reply["sha256"]), int(reply["size"]), unpacked(reply), _NO_ROWS)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self._bad_reply(error) from error

    def swap(self, method: SwapMethod, *, keep_aside: bool = True) -> SwapReport:
        """Let the new folder, or what was chosen, take its place.

        What it replaces is kept whatever `keep_aside` says: a folder may hold what no backup of it has.
        """
        return self._read(_SWAP, self._call("swap", method=method.value, keep_aside=keep_aside))

    def verify(self) -> list[Finding]:
        """Compare the target where it lives with what was restored."""
        reply = self._call("verify")
        try:
            return in_place(reply)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self._bad_reply(error) from error

    def roll_back(self) -> str:
        """Bring back what `swap` replaced, and say in a sentence what was done."""
        reply = self._call("roll_back")
        try:
            return str(reply["sentence"])
        except (KeyError, TypeError) as error:
            raise self._bad_reply(error) from error

    def clean_up(self) -> None:
        """Remove everything of this recovery from the server, but for what `SwapReport.kept` names."""
        self._call("clean_up")

    def _call(self, operation: str, **values: Any) -> Any:
        self._require_commands()
        try:
            return self._script.call(f"tree_{operation}", **self._request, **values)
        except NoPythonError as error:
            raise self._no_python(error) from error

    def _require_commands(self) -> None:
        if self._transport is not None and not self._transport.can_execute:
            raise tree_refusal(self._path, "sftp_only", "a folder cannot be restored safely over SFTP alone")

    def _reconnect(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def _no_python(self, error: NoPythonError) -> Exception:
        return tree_refusal(self._path, "no_tools", f"{error} cannot be run there")

    def _number(self, reply: Any) -> int:
        try:
            return int(reply["received"])
        except (KeyError, TypeError, ValueError) as error:
            raise self._bad_reply(error) from error

    def _read(self, model: TypeAdapter[_Model], reply: Any) -> _Model:
        try:
            return model.validate_python(reply)
        except ValidationError as error:
            raise self._bad_reply(error) from error

    def _bad_reply(self, error: Exception) -> Exception:
        return tree_refusal(self._path, "bad_reply", f"its reply is not complete: {error}"[:500])


def _script(transport: Transport, server: Server, target_path: str) -> RemotePython:
    return RemotePython(transport, server, target_path, tree_refusal, server_side.message)
