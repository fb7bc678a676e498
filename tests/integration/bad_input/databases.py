"""Files on a server that cannot be captured."""

import os
import shutil
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from fleetsave.model.keys import ArtifactId
from fleetsave.model.kinds import Kind
from tests.integration.bad_input.case import Case, Mend
from tests.integration.bad_input.station import Station


def _replace(content: bytes) -> Callable[[Station], Mend]:
    def spoil(station: Station) -> Mend:
        right = station.database.read_bytes()
        station.database.write_bytes(content)
        return lambda: station.database.write_bytes(right)

    return spoil


def _hide(station: Station) -> Mend:
    aside = station.database.rename(station.folder / "aside.db")
    return lambda: aside.rename(station.database)


def _hide_folder(station: Station) -> None:
    station.server["databases"][0]["path"] = str(station.game / "nowhere" / "world.db")
    station.push_fleet()


def _put_folder(station: Station) -> None:
    station.database.unlink()
    station.database.mkdir()


def _unprivileged(station: Station) -> None:
    """Let the script run as nobody, who may enter every folder above the database and not read it."""
    setpriv = shutil.which("setpriv")
    python = station.folder / "python3"
    python.write_text(f'#!/bin/sh\nexec {setpriv} --reuid=65534 --regid=65534 --clear-groups /usr/bin/python3 "$@"\n')
    python.chmod(0o755)
    station.server["python"] = str(python)
    station.push_fleet()


def _forbid_file(station: Station) -> None:
    folder = Path("/run") / station.server_id
    folder.mkdir(mode=0o755)
    station.cleanup.callback(shutil.rmtree, folder)
    forbidden = folder / "world.db"
    shutil.copy(station.database, forbidden)
    forbidden.chmod(stat.S_IRUSR | stat.S_IWUSR)
    station.server["databases"][0]["path"] = str(forbidden)
    _unprivileged(station)


def _damage(station: Station) -> None:
    station.database.write_bytes(station.database.read_bytes()[:5000])


def _lock(station: Station) -> Mend:
    station.hold("BEGIN EXCLUSIVE")
    return station.cleanup.pop_all().close


def _shut_out(station: Station) -> Mend:
    station.hold("PRAGMA journal_mode=WAL", "PRAGMA locking_mode=EXCLUSIVE", "UPDATE accounts SET balance = balance")
    return station.cleanup.pop_all().close


def _empty_glob(station: Station) -> Mend:
    station.server["databases"] = [{"name": "worlds", "path": str(station.game / "*.sqlite")}]
    station.push_fleet()
    station.job = replace(station.job, artifact_id=ArtifactId(station.server_id, Kind.DATABASE, "worlds"))
    return lambda: shutil.copy(station.database, station.game / "overworld.sqlite")


DATABASES = [
    Case("missing file", _hide, "CaptureError", "Check the path", mended=True),
    Case("missing folder", _hide_folder, "CaptureError", "Check the path"),
    Case("file that may not be read", _forbid_file, "CaptureError", "the account may not read it"),
    Case("folder that may not be entered", _unprivileged, "CaptureError", "enter the folders above it"),
    Case("folder instead of a file", _put_folder, "CaptureError", "path of the database file itself"),
    Case("not a database", _replace(b"%PDF-1.7" + bytes(5000)), "CaptureError", "Only plain SQLite"),
    Case("encrypted", _replace(os.urandom(8192)), "CaptureError", "encrypted"),
    Case("zero-length", _replace(b""), "CaptureError", "0 bytes"),
    Case("damaged", _damage, "CaptureError", "live database itself is damaged"),
    Case("locked past the deadline", _lock, "CaptureError", "lslocks", retryable=True, kept=True, mended=True),
    Case("shut by locking_mode", _shut_out, "CaptureError", "locking_mode=EXCLUSIVE", retryable=True, kept=True),
    Case("glob that matches nothing", _empty_glob, "CaptureError", "no file matches", mended=True),
]
