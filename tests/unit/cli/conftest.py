"""The command line on a bucket in memory."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest

from fleetsave.api_client import RecoveryApi
from fleetsave.cli.connect import Connection
from fleetsave.cli.main import main
from fleetsave.settings import Settings
from tests.fakes.job_queue import RecordingQueue
from tests.fakes.recovery_api import ScriptedApi
from tests.unit.prune.bucket import Bucket


class ConnectionAtNow(Connection):
    """A connection whose own clock stands where the bucket's does."""

    def now(self) -> datetime:
        return self.store.now()


@dataclass
class CommandLine:
    """Runs commands on `bucket` and keeps what the last one printed."""

    bucket: Bucket
    capture: pytest.CaptureFixture[str]
    out: str = ""
    err: str = ""
    options: dict[str, str] = field(default_factory=dict)
    queue: RecordingQueue = field(default_factory=RecordingQueue)
    has_own_retention: bool = True
    api: ScriptedApi = field(default_factory=ScriptedApi)

    def __call__(self, *arguments: str) -> int:
        code = main(arguments, open_with=self._open, open_api_with=self._open_api)
        self.out, self.err = self.capture.readouterr()
        return code

    @property
    def document(self) -> Any:
        """Return the one JSON document that was printed."""
        return json.loads(self.out)

    def _open(self, options: Mapping[str, str]) -> Connection:
        self.options = dict(options)
        settings = Settings(bucket="fleet-backups")
        return ConnectionAtNow(settings, self.bucket.store, self.bucket.catalog, self.queue, self.has_own_retention)

    def _open_api(self, options: Mapping[str, str]) -> RecoveryApi:
        self.options = dict(options)
        return self.api.client()


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


@pytest.fixture
def fleetsave(bucket: Bucket, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(bucket, capsys)
