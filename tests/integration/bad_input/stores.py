"""Stores that are missing or refuse, and fleet files that cannot be read."""

import json
from collections.abc import Callable
from dataclasses import replace

from fleetsave.local.processes import free_port
from fleetsave.model.keys import FLEET_KEY
from tests.integration.bad_input.case import Case, Mend
from tests.integration.bad_input.connections import change_ssh, public_line
from tests.integration.bad_input.station import Station


def _no_bucket(station: Station) -> Mend:
    station.bucket = "no-such-bucket"
    return lambda: setattr(station, "bucket", "bad-input")


def _rights_of(identity: str) -> Callable[[Station], Mend]:
    def spoil(station: Station) -> Mend:
        station.identity = identity
        return lambda: setattr(station, "identity", "admin")

    return spoil


def _nobody_may_write_and_the_key_is_wrong(station: Station) -> None:
    _rights_of("reader")(station)
    change_ssh(host_keys=[public_line()])(station)


def _no_store(station: Station) -> Mend:
    station.endpoint = f"http://127.0.0.1:{free_port()}"
    return lambda: setattr(station, "endpoint", None)


def _no_fleet(station: Station) -> Mend:
    station.store.delete(FLEET_KEY)
    return station.push_fleet


def _fleet(text: Callable[[Station], str]) -> Callable[[Station], Mend]:
    def spoil(station: Station) -> Mend:
        station.push_fleet(text(station))
        return station.push_fleet

    return spoil


def _with_key_inside(station: Station) -> str:
    return json.dumps({"servers": [{**station.server, "ssh": {**station.server["ssh"], "key_secret": station.ssh.private_key}}]})


def _kept(name: str, spoil: Callable[[Station], Mend | None], error: str, says: str, *, mended: bool = False) -> Case:
    """The store cannot be asked or written, so there is no memory and the message must stay."""
    return Case(name, spoil, error, says, kept=True, remembered=False, mended=mended)


STORES = [
    _kept("bucket missing", _no_bucket, "StoreError", "NoSuchBucket"),
    _kept("bucket denied", _rights_of("stranger"), "AccessDeniedError", "Check the credentials"),
    _kept("bucket that may only be read", _rights_of("reader"), "AccessDeniedError", "Check the credentials", mended=True),
    _kept(
        "failure that cannot be written down",
        _nobody_may_write_and_the_key_is_wrong,
        "AccessDeniedError",
        "which is not pinned",
    ),
    replace(_kept("store unreachable", _no_store, "StoreError", "FLEETSAVE_STORE_ENDPOINT"), retryable=True),
    _kept("fleet file missing", _no_fleet, "ConfigurationError", "fleetsave config push", mended=True),
    _kept("fleet file empty", _fleet(lambda _: "\n"), "ConfigurationError", "not a mapping"),
    _kept("fleet file broken", _fleet(lambda _: "servers: [{id: "), "ConfigurationError", "line 1"),
    _kept("fleet file mistyped", _fleet(lambda _: "sevrers: []"), "ConfigurationError", "did you mean 'servers'?"),
    _kept("fleet file with a key inside", _fleet(_with_key_inside), "ConfigurationError", "replace the key"),
]
