"""Messages that are no jobs, and jobs that nobody configured."""

import json
from collections.abc import Callable
from dataclasses import replace

from fleetsave.model.keys import ArtifactId
from fleetsave.model.kinds import Kind
from tests.integration.bad_input.case import Case
from tests.integration.bad_input.station import Station


def _says(**values: object) -> Callable[[Station], None]:
    def spoil(station: Station) -> None:
        station.body = json.dumps({**json.loads(station.job.to_json()), **values})

    return spoil


def _body(text: str) -> Callable[[Station], None]:
    def spoil(station: Station) -> None:
        station.body = text

    return spoil


def _nobody_configured(server_id: str | None, artifact: str) -> Callable[[Station], None]:
    def spoil(station: Station) -> None:
        station.job = replace(station.job, artifact_id=ArtifactId(server_id or station.server_id, Kind.DATABASE, artifact))

    return spoil


def _path(path: Callable[[Station], str], artifact: str = "worlds-world") -> Callable[[Station], None]:
    """Say a path and a name to a server whose worlds are a glob, which `world.db` matches."""

    def spoil(station: Station) -> None:
        station.server["databases"] = [{"name": "worlds", "path": str(station.game / "*.db")}]
        station.push_fleet()
        station.job = replace(
            station.job, artifact_id=ArtifactId(station.server_id, Kind.DATABASE, artifact), source_path=path(station)
        )

    return spoil


def _wrong(name: str, spoil: Callable[[Station], None], says: str, *, remembered: bool = False) -> Case:
    """The message itself is wrong: it goes to the dead-letter queue, soon."""
    return Case(name, spoil, "InvalidInputError", says, kept=True, at_once=True, remembered=remembered)


MESSAGES = [
    _wrong("not JSON", _body("{not json"), "Invalid JSON"),
    _wrong("empty", _body(""), "Invalid JSON"),
    _wrong("not a job", _body("[]"), "drop this message"),
    _wrong("hostile server id", _says(server_id="../../etc"), "it is not an id"),
    _wrong("hostile artifact", _says(artifact="../config/fleet"), "it is not an id"),
    _wrong("hostile artifact with a line break", _says(artifact="database\n"), "it is not an id"),
    _wrong("unknown kind", _says(kind="everything"), "kind"),
    _wrong("slot that is none", _says(slot="2024-01-01T12:00"), "YYYYMMDD_HHMMSS"),
    _wrong("slot at the end of time", _says(slot="99991231_235959", repair=3), "no time after it"),
    _wrong("repair without end", _says(repair=10**6), "out of range"),
    _wrong("source path of another file", _says(source_path="/etc/shadow"), "the fleet file says", remembered=True),
    _wrong("source path out of the folder", _path(lambda s: f"{s.game}/../aside.db"), "the fleet file says", remembered=True),
    _wrong("source path with a NUL", _path(lambda s: f"{s.game}/world\0.db"), "the fleet file says", remembered=True),
    _wrong("file under another's name", _path(lambda s: str(s.database), "worlds-other"), "worlds-world", remembered=True),
    Case("artifact that nobody configured", _nobody_configured(None, "stranger"), "ConfigurationError", "does not name it"),
    Case("server that nobody configured", _nobody_configured("stranger", "database"), "ConfigurationError", "does not name it"),
]
