"""A server with one target, restored to in memory, that keeps every obligation of the port and fails where a test says so."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from fleetsave.model.errors import RestoreError
from fleetsave.model.records import Finding, Fingerprint, Level, Outcome
from fleetsave.model.recovery_records import RecoveryPlan, Survey, SwapMethod, SwapReport, TargetState
from fleetsave.sources.base import CopyReport
from fleetsave.transports.base import CommandResult

SCHEMA = "5c4e3a"
FINGERPRINT = Fingerprint({"players": 3}, SCHEMA)


@dataclass
class FakeServer:
    """What lasts on the server: the target (None: nothing there), the copy beside it, and what the swap replaced.

    `fail("swap", error, call=2, after=True)` makes the second call from now of that method raise, after doing its work.
    `hooks` gives each command the result it ends with.
    """

    target: bytes | None
    state: TargetState = TargetState.HEALTHY
    journal_mode: str = "wal"
    page_size: int = 4096
    schema: str = SCHEMA
    open_by: list[str] = field(default_factory=list)
    copy: bytes = b""
    replaced: list[bytes | None] = field(default_factory=list)
    bad_findings: dict[str, list[Finding]] = field(default_factory=dict)
    hooks: dict[str, CommandResult | Exception] = field(default_factory=dict)
    did: list[str] = field(default_factory=list)
    is_clean: bool = True
    methods: list[SwapMethod] = field(default_factory=list)
    _faults: dict[str, list[tuple[int, Exception, bool]]] = field(default_factory=dict)
    _calls: dict[str, int] = field(default_factory=dict)

    def fail(self, method: str, error: Exception, *, call: int = 1, times: int = 1, after: bool = False) -> None:
        """Make `times` calls of a method raise, the first of them the `call`-th from now."""
        begin = self._calls.get(method, 0) + call
        self._faults.setdefault(method, []).extend((begin + number, error, after) for number in range(times))

    def enter(self, method: str, *, after: bool = False) -> None:
        """Count a call, and raise what is due before or after its work."""
        if not after:
            self._calls[method] = self._calls.get(method, 0) + 1
            self.did.append(method)
        for number, error, is_after in self._faults.get(method, []):
            if number == self._calls[method] and is_after == after:
                raise error


class FakeRestorer:
    """The port `Restorer` onto a `FakeServer`."""

    def __init__(self, server: FakeServer, plan: RecoveryPlan) -> None:
        self._server = server
        self._plan = plan

    def survey(self) -> Survey:
        server = self._server
        server.enter("survey")
        known = server.state is TargetState.HEALTHY
        return Survey(
            server.state, len(server.target or b""), server.journal_mode if known else None, server.page_size if known else None,
            server.schema if known else None, 1 << 30, 1 << 20, server.open_by, "python 3.11",
        )  # fmt: skip

    def received(self) -> int:
        self._server.enter("received")
        return len(self._server.copy)

    def receive(self, offset: int, chunks: Iterator[bytes], told: Callable[[int], None]) -> None:
        self._server.enter("receive")
        self._server.is_clean = False
        self._server.copy = self._server.copy[:offset]
        for chunk in chunks:
            self._server.copy += chunk
            told(len(self._server.copy))
        self._server.enter("receive", after=True)

    def check(self) -> CopyReport:
        self._server.enter("check")
        digest = hashlib.sha256(self._server.copy).hexdigest()
        if digest != self._plan.plain_sha256:
            self._server.copy = b""
            raise RestoreError("check", "copy", "it was altered", "Again.", reason="altered_copy")
        self._server.enter("check", after=True)
        findings = self._server.bad_findings.get("check", [_passed("integrity")])
        return CopyReport(digest, len(self._server.copy), findings, FINGERPRINT)

    def swap(self, method: SwapMethod, *, keep_aside: bool) -> SwapReport:
        server = self._server
        server.enter("swap")
        if not server.replaced:
            server.replaced.append(server.target)
        server.methods.append(method)
        server.target = server.copy
        server.enter("swap", after=True)
        return SwapReport(method, 0.1, FINGERPRINT, moved_on=False, kept="aside" if keep_aside else None)

    def verify(self) -> list[Finding]:
        self._server.enter("verify")
        return self._server.bad_findings.get("verify", [_passed("integrity")])

    def roll_back(self) -> str:
        self._server.enter("roll_back")
        if not self._server.replaced:
            return "nothing was replaced"
        self._server.target = self._server.replaced[0]
        self._server.enter("roll_back", after=True)
        return "what was there is back"

    def clean_up(self) -> None:
        self._server.enter("clean_up")
        self._server.copy = b""
        self._server.is_clean = True


class HookTransport:
    """Runs a server's hooks, and nothing else."""

    def __init__(self, server: FakeServer) -> None:
        self._server = server

    def run(self, command: list[str], *, stdin: bytes = b"", timeout: float) -> CommandResult:  # noqa: ARG002 - the port's arguments
        shell, option, line = command
        assert (shell, option) == ("sh", "-c")
        self._server.did.append(line)
        result = self._server.hooks.get(line, CommandResult(0, b"", b""))
        if isinstance(result, Exception):
            raise result
        return result

    def close(self) -> None:
        """Nothing is open."""


def _passed(check: str) -> Finding:
    return Finding(check, Outcome.PASSED, "ok", Level.RESTORED)


def failed(check: str) -> list[Finding]:
    """Return the one finding of a check that failed."""
    return [Finding(check, Outcome.FAILED, f"{check} is wrong", Level.RESTORED)]
