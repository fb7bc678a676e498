"""The port `Restorer` for SQLite: every step is asked of the on-server script, which can repeat each after a cut."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from fleetsave.model.fleet import Server
from fleetsave.model.records import Finding, Fingerprint, Level, Outcome
from fleetsave.model.recovery_keys import RecoveryId
from fleetsave.model.recovery_records import RecoveryPlan, Survey, SwapMethod, SwapReport
from fleetsave.sources.base import CopyReport
from fleetsave.sources.script_upload import LEG_BYTES, Script, ScriptUpload
from fleetsave.sources.sqlite.remote_python import NoPythonError, RemotePython
from fleetsave.sources.sqlite.restore_findings import compare, integrity
from fleetsave.sources.sqlite.restore_refusals import restore_refusal
from fleetsave.transports.base import Transport

_Model = TypeVar("_Model")
_NOTHING_READ = Fingerprint({}, "")


class SqliteRestorer:
    """One SQLite backup on its way into one file of one server, over a transport that runs commands, or by a script's own way.

    `deadline` bounds each step on the server, waiting for locks included; the upload only while nothing arrives. Where the
    plan names no artifact a new file is made, in one of `allowed_folders` and nowhere else.
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
        leg_bytes: int = LEG_BYTES,
    ) -> None:
        self._transport = None if isinstance(reach, Script) else reach
        self._plan = plan
        self._script = reach if isinstance(reach, Script) else RemotePython(reach, server, plan.target_path, restore_refusal)
        self._deadline = deadline / timedelta(seconds=1)
        self._request: dict[str, Any] = {
            "path": plan.target_path,
            "recovery": str(recovery_id),
            "deadline": self._deadline,
            "sha256": plan.plain_sha256,
            "size": plan.plain_size,
            "checks": plan.fingerprint.check_sql if plan.fingerprint else {},
            "new_in": list(allowed_folders) if plan.artifact is None else None,
        }
        self._upload = ScriptUpload(
            self._script, "restore_receive", self._request, deadline=self._deadline, read_received=self._number,
            reconnect=self._reconnect, leg_bytes=leg_bytes,
        )  # fmt: skip

    def survey(self) -> Survey:
        """Look at the target and its disk. Raise RestoreError if the server is not fit for the recovery."""
        found = self._read(TypeAdapter(Survey), self._call("survey"))
        if found.room_free is not None and found.room_free < found.room_needed:
            cause = f"{found.room_needed} bytes are needed on its disk, and {found.room_free} are free"
            raise restore_refusal(self._plan.target_path, "no_room", cause)
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
        """Let the server hash the whole copy, check it, and compare it with the backup's fingerprint."""
        reply = self._call("check")
        try:
            sha256, size = str(reply["sha256"]), int(reply["size"])
            found = self._fingerprint(reply["fingerprint"])
            findings = [
                Finding("checksum", Outcome.PASSED, f"sha256 {sha256} of {size} bytes on the server", Level.CHECKSUM),
                integrity(reply),
                *compare(self._plan.fingerprint, found, written=False),
            ]
        except (KeyError, TypeError, ValueError) as error:
            raise self._bad_reply(error) from error
        return CopyReport(sha256, size, findings, found or _NOTHING_READ)

    def swap(self, method: SwapMethod, *, keep_aside: bool = True) -> SwapReport:
        """Let the copy take the target's place; `keep_aside` tells whether a set that was moved aside outlives `clean_up`."""
        return self._read(TypeAdapter(SwapReport), self._call("swap", method=method.value, keep_aside=keep_aside))

    def verify(self) -> list[Finding]:
        """Check the target where it lives, against the copy that was checked on the same server."""
        reply = self._call("verify")
        try:
            found, expected = self._fingerprint(reply["fingerprint"]), self._fingerprint(reply["expected"])
            return [integrity(reply), *compare(expected, found, written=bool(reply["written"]))]
        except (KeyError, TypeError, ValueError) as error:
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
            return self._script.call(f"restore_{operation}", **self._request, **values)
        except NoPythonError as error:
            raise self._no_python(error) from error

    def _reconnect(self) -> None:
        """Drop the connection between two legs of the upload; a script's own way has one for each request."""
        if self._transport is not None:
            self._transport.close()

    def _require_commands(self) -> None:
        if self._transport is not None and not self._transport.can_execute:
            raise restore_refusal(self._plan.target_path, "sftp_only", "a database cannot be restored safely over SFTP alone")

    def _no_python(self, error: NoPythonError) -> Exception:
        return restore_refusal(self._plan.target_path, "no_tools", f"{error} cannot be run there")

    def _number(self, reply: Any) -> int:
        try:
            return int(reply["received"])
        except (KeyError, TypeError, ValueError) as error:
            raise self._bad_reply(error) from error

    def _fingerprint(self, reply: Any) -> Fingerprint | None:
        return None if reply is None else self._read(TypeAdapter(Fingerprint), reply)

    def _read(self, model: TypeAdapter[_Model], reply: Any) -> _Model:
        try:
            return model.validate_python(reply)
        except ValidationError as error:
            raise self._bad_reply(error) from error

    def _bad_reply(self, error: Exception) -> Exception:
        return restore_refusal(self._plan.target_path, "bad_reply", f"its reply is not complete: {error}"[:500])
