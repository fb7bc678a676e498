"""Whatever fails, and wherever, no piece of a secret stands in a log, a record, an event, an answer or an object's metadata."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from fleetsave.local.agent_server import AgentServer
from fleetsave.local.seaweedfs import SeaweedFS
from fleetsave.local.sshd import SshServer
from fleetsave.model.jobs import Job
from fleetsave.model.keys import BackupKey
from fleetsave.model.kinds import Compression
from tests.faults.scoring import Tally, scored
from tests.fixtures.canaries import PIECE, Canaries, forms
from tests.fixtures.secret_station import CENTRAL, DOORS, NOTICES, OVER_HTTPS, OVER_SSH, READ_KEY, SecretStation
from tests.fixtures.struck_calls import FAILURES, struck

DEEPEST_CALL = 40
RECOVERY = {"server_id": "server_001", "kind": "database", "confirm": "server_001"}


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory, seaweedfs_server: SeaweedFS) -> Iterator[SecretStation]:
    folder = tmp_path_factory.mktemp("canaries")
    served = {"databases": [{"name": "database", "path": str(folder / "game.db"), "literal": True}]}
    with SshServer(folder / "ssh") as ssh, AgentServer(folder / "agent", served) as agent, pytest.MonkeyPatch.context() as patch:
        made = SecretStation(folder, seaweedfs_server, ssh, agent)
        made.set_up(patch)
        yield made


@dataclass
class Told:
    """All that a test's doors have written so far, taken in as it comes, and searched."""

    station: SecretStation
    canaries: Canaries
    capfd: pytest.CaptureFixture[str]
    caplog: pytest.LogCaptureFixture

    def search(self, tally: Tally, *answers: str) -> int:
        """Note every secret that was told in a trial, and return how many characters were searched."""
        written = self.capfd.readouterr()
        logged = [self.caplog.text, *(repr(vars(record)) for record in self.caplog.records)]
        self.caplog.clear()
        asked, self.station.asked[:] = list(self.station.asked), []
        texts = [written.out, written.err, *logged, *asked, *answers]
        for text in texts:
            for name in self.canaries.found(text):
                tally.accepted(f"a piece of {name} in {text[:300]!r}")
        return sum(map(len, texts))

    def search_kept(self, tally: Tally) -> None:
        """Note every secret in the bucket, in objects and their metadata."""
        for key, text in self.station.kept().items():
            for name in self.canaries.found(text):
                tally.accepted(f"a piece of {name} in {key}")


@pytest.fixture
def told(station: SecretStation, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Iterator[Told]:
    yield Told(station, station.canaries, capfd, caplog)
    station.secrets.clear()
    station.secrets.update(station.right)
    station.push_fleet()


def message(station: SecretStation, door: str, number: int) -> str:
    """Return what a door may be told: each time something that is still to be done."""
    artifact_id = (OVER_SSH, OVER_HTTPS, CENTRAL)[number % 3]
    key = BackupKey((OVER_SSH, OVER_HTTPS)[number % 2], station.slot, Compression.ZSTD)
    recovery = f"server_001.{number % 2 + 1:06}"
    return {
        "api": json.dumps(RECOVERY),
        "collect": Job(artifact_id, station.next_slot() if door == "collect" else station.slot).to_json(),
        "dispatch": json.dumps({"kind": "database", "scheduled_time": str(station.slot.at.isoformat()), "period_minutes": 60}),
        "prune": json.dumps({}),
        "recover": json.dumps({"recovery": recovery, "attempt": 0}),
        "verify": json.dumps({"key": key.text, "force": True}),
        "watchdog": json.dumps({"scheduled_time": str(station.slot.at.isoformat())}),
    }[door]


def test_a_failure_in_any_call_of_any_door_tells_no_secret(station: SecretStation, told: Told) -> None:
    searched, places = 0, set()
    with scored(29, "a failure in any call of any door", share=2) as tally:
        for number in tally.each():
            door = list(DOORS)[number % len(DOORS)]
            body = message(station, door, number // len(DOORS))
            with struck(tally.chance.randint(1, DEEPEST_CALL), tally.chance.choice(FAILURES)()) as strike:
                answer = station.call(door, body)
            places.add(f"{door}: {strike.where}")
            searched += told.search(tally, answer)
        told.search_kept(tally)
        tally.seen |= {"calls struck": len(places), "characters searched": searched}
    assert searched > 10_000
    assert len(places) > len(DOORS)


WRONG_SECRETS: tuple[Callable[[str], str], ...] = (
    lambda text: text[: len(text) // 2],
    lambda text: text[len(text) // 2 :],
    lambda text: text.replace("\n", " "),
    lambda text: json.dumps({"wrong": text}),
    lambda text: json.dumps([text]),
    lambda text: "{" + text,
    lambda text: f"{text}{text}",
    lambda text: text.swapcase(),
    lambda text: json.dumps({"private_key": text, "passphrase": text, "username": [text], "notices": text}),
    lambda text: text.replace(PIECE * " ", "").replace("-", "\0"),
)


def test_a_secret_that_is_wrong_in_any_way_is_not_told(station: SecretStation, told: Told) -> None:
    searched = 0
    with scored(29, "secrets that are wrong", share=4) as tally:
        for number in tally.each():
            name = list(station.right)[number % len(station.right)]
            station.secrets.clear()
            station.secrets.update(station.right | {name: tally.chance.choice(WRONG_SECRETS)(station.right[name])})
            artifact_id = OVER_SSH if name == READ_KEY else OVER_HTTPS if "https" in name else CENTRAL
            answers = [station.call("collect", Job(artifact_id, station.next_slot()).to_json())] if "/" in name else []
            answers += [station.call(door, message(station, door, number)) for door in ("recover", "watchdog")]
            searched += told.search(tally, *answers)
        told.search_kept(tally)
        tally.seen["characters searched"] = searched
    assert searched > 10_000


def misplaced(station: SecretStation, secret: str, number: int) -> str:
    """Return a fleet file with a secret where none belongs, or that cannot be read near one."""
    fleet = station.fleet()
    server, postgresql = fleet["servers"][number % 2], fleet["postgresql"]
    if number % 6 == 0:
        (server.get("ssh") or server["https"])["key_secret" if "ssh" in server else "token_secret"] = secret
    elif number % 6 == 1:
        postgresql["password"] = secret
    elif number % 6 == 2:
        postgresql["secret"] = {"password": secret}
    elif number % 6 == 3:
        server["databases"][0][secret] = secret
    elif number % 6 == 4:
        return f"servers: []\npostgresql:\n  secret: {'*!'[number % 4 // 2]}{secret}\n"
    else:
        return f'servers: "{secret}\n&{secret[:20]} *{secret[-20:]}'
    return json.dumps(fleet)


def test_a_secret_in_the_fleet_file_is_not_repeated(station: SecretStation, told: Told) -> None:
    with scored(29, "secrets in the fleet file", share=4) as tally:
        for number in tally.each():
            name = list(station.right)[number % len(station.right)]
            station.push_fleet(misplaced(station, station.right[name], number))
            doors = ("dispatch", "collect", "recover", "watchdog", "prune", "api")
            told.search(tally, *(station.call(door, message(station, door, number)) for door in doors))
        station.push_fleet()
        told.search_kept(tally)


@pytest.mark.parametrize("form", range(12))
def test_the_search_would_find_a_piece_in_any_form(station: SecretStation, form: int) -> None:
    canaries = station.canaries
    for name in (READ_KEY, *(one for one in station.right if "https" in one)):
        text = list(forms(station.right[name]))[form]
        middle = len(text) * 2 // 3  # of a private key, the private half
        assert name in canaries.found(f"... {text[middle : middle + 2 * PIECE]} ...")
    assert canaries.found("nothing of " + NOTICES) == set()
