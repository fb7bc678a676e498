"""The password is nowhere but in memory: not in arguments, environments, logs, records, events or errors, whatever fails."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from fleetsave.catalog.catalog import Catalog
from fleetsave.postgres.programs import Programs
from fleetsave.queues import JobQueue
from fleetsave.services import Services
from fleetsave.settings import Settings
from functions.collect import app
from tests.fakes.job_queue import RecordingQueue
from tests.fixtures.dump_faults import kill_pg_dump, terminate_backend
from tests.fixtures.dumping import Dumping, locked
from tests.fixtures.kept_secrets import JsonSecrets, no_client, no_token
from tests.functions.context import context, event

CANARY = "canary:pass\\word 'of' %s the \"backup\" role"
"""Characters that passfiles, connection strings, shells and SQL treat each in their own way."""


@dataclass(frozen=True)
class Doors(Services):
    """The composition behind the door, with a queue that remembers and the programs of this machine."""

    jobs: RecordingQueue = field(default_factory=RecordingQueue)
    tools: Programs | None = None

    @property
    def queue(self) -> JobQueue:
        return self.jobs

    @property
    def programs(self) -> Programs:
        assert self.tools is not None
        return self.tools


class Watcher:
    """Looks at the arguments and the environment of every process of this machine, again and again."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self.programs: set[str] = set()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Watcher":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.is_set():
            for folder in Path("/proc").glob("[0-9]*"):
                for name in ("cmdline", "environ"):
                    with suppress(OSError):  # it has just ended
                        self._look(folder, name)

    def _look(self, folder: Path, name: str) -> None:
        content = (folder / name).read_bytes()
        if name == "cmdline":
            self.programs.add(content.partition(b"\0")[0].rpartition(b"/")[2].decode(errors="replace"))
        for form in forms(CANARY):
            if form in content:
                self.seen.add(f"{name} of {folder.name}: {content[:200]!r}")


def forms(secret: str) -> list[bytes]:
    """Return a secret as it is, as JSON has it, as a passfile has it, and the part that no escaping changes."""
    plain = secret.encode()
    return [plain, json.dumps(secret)[1:-1].encode(), plain.replace(b"\\", b"\\\\").replace(b":", b"\\:"), b'the "backup" role']


@contextmanager
def undisturbed(_: Dumping) -> Iterator[None]:
    yield


@contextmanager
def struck_by(strike: Callable[[Dumping], bool], dumping: Dumping) -> Iterator[None]:
    timers = [threading.Timer(after, strike, [dumping]) for after in (0.2, 0.5, 0.8)]
    for timer in timers:
        timer.start()
    yield
    for timer in timers:
        timer.join()


@contextmanager
def killed(dumping: Dumping) -> Iterator[None]:
    with struck_by(kill_pg_dump, dumping):
        yield


@contextmanager
def terminated(dumping: Dumping) -> Iterator[None]:
    with struck_by(terminate_backend, dumping):
        yield


@contextmanager
def refused(dumping: Dumping) -> Iterator[None]:
    dumping.server.create_role(dumping.role.user, password="another one", options="BYPASSRLS")
    yield


@contextmanager
def without_rights(dumping: Dumping) -> Iterator[None]:
    dumping.server.psql(f"REVOKE pg_read_all_data FROM {dumping.role.user}")
    yield
    dumping.server.psql(f"GRANT pg_read_all_data TO {dumping.role.user}")


@contextmanager
def waiting(dumping: Dumping) -> Iterator[None]:
    with locked(dumping, "ledger"):
        yield


@contextmanager
def misconfigured(dumping: Dumping) -> Iterator[None]:
    dumping.settings = {"ca_certificate": None}
    dumping.put_fleet()
    yield


@pytest.mark.parametrize(
    "trouble", [undisturbed, killed, terminated, refused, without_rights, waiting, misconfigured], ids=lambda one: one.__name__
)
def test_the_password_is_in_nothing_that_anybody_can_read(
    dumping: Dumping,
    trouble: Callable[[Dumping], Any],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    dumping.fill(150_000)
    ours = dumping.role
    dumping.server.create_role(ours.user, password=CANARY, options="BYPASSRLS")
    dumping.put_secrets(password=CANARY)
    given = Doors(
        Settings(bucket=dumping.bucket), dumping.store, Catalog(dumping.store), JsonSecrets(str(dumping.secrets_file)),
        dumping.announcer, None, dumping.folder, no_token, no_client, tools=dumping.programs,
    )  # fmt: skip
    monkeypatch.setattr(app, "services", lambda: given)
    job = dumping.next_job()
    message = event("collect", "database")
    message["Records"][0]["body"] = job.to_json()
    with Watcher() as watcher, trouble(dumping):
        reply = app.handler(message, context())
    dumping.server.create_role(ours.user, password=ours.password, options="BYPASSRLS")
    captured = capfd.readouterr()
    told = {
        "reply": json.dumps(reply),
        "standard output": captured.out,
        "standard error": captured.err,
        "log": caplog.text,
        "announcements": repr(dumping.announcer),
        "jobs": repr(given.jobs),
        **{info.key: dumping.store.get(info.key).decode(errors="replace") for info in dumping.store.list("")},
    }
    assert watcher.seen == set()
    assert [name for name, text in told.items() if any(form.decode() in text for form in forms(CANARY))] == []
    if trouble in (undisturbed, killed, terminated):
        assert "pg_dump" in watcher.programs, "nobody looked at pg_dump: the test proves nothing"
    stored = dumping.catalog.backups()
    assert any(backup.key.slot == job.stored_slot for backup in stored) == (trouble is undisturbed), told["standard output"]
