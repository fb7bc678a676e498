"""Whatever is asked of the script, the gate lets through what is configured, and its own code alone is ever run."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fleetsave.sources.files import server_side as files
from fleetsave.sources.sqlite import server_side as sqlite
from tests.fixtures.gated import Answer, GatedServer
from tests.integration.security.asking import SECRET, archive, ask, capture, reason

pytestmark = pytest.mark.usefixtures("nothing_happened")


def test_code_of_anybody_else_is_never_run(exposed: GatedServer) -> None:
    evil = f"import os\nos.system('touch {exposed.staging}/pwned')\n".encode()
    for script in (evil, sqlite.script() + b"\n" + evil, files.script()[:-1], b"#" + sqlite.script()):
        assert reason(ask(exposed, {"operation": "probe"}, script)) == "gate_differs"
    assert ask(exposed, {"operation": "probe"})["ok"]["backup"] is True


NO_SCRIPTS = (b"", b"-1\n", b"0\n", b"9" * 15 + b"\n", b"1048577\n", b"abc\n", b"\xff" * 100_000, b"5\nabc")


@pytest.mark.parametrize("message", NO_SCRIPTS, ids=range(len(NO_SCRIPTS)))
def test_whatever_is_no_script_is_refused(exposed: GatedServer, message: bytes) -> None:
    reply = ask(exposed, b"", message=message)
    assert reply is None or reply["error"] in ("gate_differs", "bad_request")


NO_REQUESTS = (
    *(b"", b"[]", b"null", b"1", b"{", b"[" * 100_000, b'{"operation": ' + b'{"a":' * 90_000, b'{"operation": NaN}'),
    *(b'{"path": "\\ud800"}', b"x" * (5 << 20), b'{"operation": "snapshot", "path": ["/etc"]}', b'{"operation": ["snapshot"]}'),
    *(b'{"operation": "sweep", "older_than": -1}', b'{"operation": "sweep", "older_than": 1e999}'),
    *(b'{"operation": "drop", "name": "../../x"}', b'{"operation": "find", "name": 7}'),
)


@pytest.mark.parametrize("request_line", NO_REQUESTS, ids=range(len(NO_REQUESTS)))
def test_a_request_that_is_none_is_refused(exposed: GatedServer, request_line: bytes) -> None:
    assert reason(ask(exposed, request_line)) in ("bad_request", "not_served")


def test_an_endless_input_is_cut_off(exposed: GatedServer) -> None:
    message = sqlite.packed(sqlite.script(), b"{" + b'"a": 1, ' * (1 << 20))
    began = time.monotonic()
    assert reason(ask(exposed, b"", message=message)) == "bad_request"
    assert time.monotonic() - began < 30


OTHER_DATABASES = (
    *("{outside}/game.db", "{game}/../outside/game.db", "{game}//game.db", "{game}/./game.db", "{game}/link.db", "game.db", ""),
    *("{game}/linked/game.db", "/etc/shadow", "{base}/home/.ssh/authorized_keys", "{game}/sub/game.db", "{game}/game.db\0"),
    "/proc/self/root{outside}/game.db",
)


@pytest.mark.parametrize("path", OTHER_DATABASES, ids=range(len(OTHER_DATABASES)))
@pytest.mark.parametrize("operation", ["snapshot", "hold", "pair"])
def test_no_database_is_captured_but_those_that_are_listed(exposed: GatedServer, path: str, operation: str) -> None:
    for link, target in (("link.db", exposed.outside / "game.db"), ("linked", exposed.outside)):
        (exposed.game / link).unlink(missing_ok=True)
        (exposed.game / link).symlink_to(target)
    try:
        text = path.format(outside=exposed.outside, game=exposed.game, base=exposed.base)
        assert reason(ask(exposed, capture(text, operation=operation))) == "not_served"
    finally:
        (exposed.game / "link.db").unlink()
        (exposed.game / "linked").unlink()


@pytest.mark.parametrize("checks", [{"one": "SELECT 2"}, {"two": "SELECT 1"}, {"one": "ATTACH '/etc/x' AS x"}])
def test_no_sql_is_run_but_what_is_listed(exposed: GatedServer, checks: dict[str, str]) -> None:
    assert reason(ask(exposed, capture(exposed.game / "game.db", checks=checks))) == "checks_differ"


def test_what_is_asked_of_staging_and_limits_does_not_count(exposed: GatedServer) -> None:
    asked = capture(exposed.game / "game.db", staging=str(exposed.outside), deadline=80000, lock_limit=80000)
    reply = ask(exposed, asked)
    assert Path(reply["ok"]["path"]).parent == exposed.staging
    assert ask(exposed, {"operation": "drop", "name": "stolen"})["ok"] is None


@pytest.mark.parametrize("path", ["{outside}", "{game}", "{game}/world/..", "{game}/out", "/", "/etc", "/proc"])
def test_no_folder_is_archived_but_those_that_are_listed(exposed: GatedServer, path: str) -> None:
    (exposed.game / "out").symlink_to(exposed.outside)
    try:
        asked = archive(path.format(outside=exposed.outside, game=exposed.game))
        assert reason(ask(exposed, asked, files.script())) == "not_served"
    finally:
        (exposed.game / "out").unlink()


def test_what_is_excluded_stays_out_and_no_database_elsewhere_comes_in(exposed: GatedServer) -> None:
    hidden = exposed.game / "world" / "hidden"
    hidden.write_bytes(SECRET)
    hidden.chmod(0o644)
    assert "ok" in ask(exposed, archive(exposed.game / "world", include=["hidden", "**/hidden"]), files.script())
    hidden.unlink()
    database = {"member": "a", "path": str(exposed.outside / "game.db"), "checks": None, "deadline": 5, "lock_limit": 5}
    assert reason(ask(exposed, archive(exposed.game / "world", [database]), files.script())) == "not_served"


def read(exposed: GatedServer, path: Path | str, *, skip: str = "0", count: str = "9") -> Answer:
    return exposed.client(f"dd if={path} bs=131072 skip={skip} count={count}")


def test_dd_reads_nothing_but_what_was_frozen_and_what_is_listed(exposed: GatedServer) -> None:
    frozen = ask(exposed, capture(exposed.game / "game.db"))["ok"]["path"]
    assert read(exposed, frozen).output == Path(frozen).read_bytes()
    assert read(exposed, exposed.game / "game.db").status == 0
    planted: dict[Path, Callable[[Path], object]] = {
        exposed.staging / "root.db": lambda path: path.write_bytes(SECRET),
        exposed.staging / "link.db": lambda path: path.symlink_to(exposed.outside / "secret"),
        exposed.staging / "pipe.db": os.mkfifo,
        exposed.game / ".hidden.db": lambda path: path.write_bytes(SECRET),
        exposed.game / "link.db": lambda path: path.symlink_to(exposed.outside / "secret"),
    }
    for path, plant in planted.items():
        plant(path)
    others = ["/etc/passwd", "/dev/zero", "/proc/self/mem", "stolen.db", *map(str, planted)]
    others += [f"{exposed.base}/{name}" for name in ("outside/secret", "game/game.db-shm", "game/../outside/game.db")]
    others += [f"{exposed.staging}/{name}" for name in ("../gate.json", "stolen.json", "")]
    try:
        for other in others:
            answer = read(exposed, other)
            assert (answer.status, answer.output) == (1, b""), other
        assert [read(exposed, frozen, skip=skip).status for skip in ("-1", "1" * 13, "0x0", "")] == [1] * 4
    finally:
        for path in planted:
            path.unlink()
        ask(exposed, {"operation": "drop", "name": "stolen"})


def test_a_staging_folder_of_somebody_else_is_refused(exposed: GatedServer) -> None:
    owner = exposed.staging.stat().st_uid
    os.chown(exposed.staging, 0, 0)
    try:
        assert reason(ask(exposed, capture(exposed.game / "game.db"))) in ("unsafe_staging", "no_permission")
    finally:
        os.chown(exposed.staging, owner, -1)
