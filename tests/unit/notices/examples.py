"""The notices that docs/notices.md shows, as the code makes them.

`python -m tests.unit.notices.examples` writes them into the page anew, after a change of what is said.
"""

import re
from datetime import timedelta

from fleetsave.model.watch import Problem, ProblemKind
from fleetsave.notices.decide import decide
from fleetsave.notices.notice import Notice
from fleetsave.notices.told import Told
from tests.fixtures.looks import START, artifact_of, at_look, key_of, make_report, make_watch
from tests.packaging.deployments import PROJECT

PAGE = PROJECT / "docs" / "notices.md"

_BLOCK = re.compile(r"(<!-- example: (\w+) -->\n```text\n).*?(^```$)", re.DOTALL | re.MULTILINE)
_SERVERS = [f"server_{number:03d}" for number in range(1, 43)]
_REMEMBERED = Told(digest_at=START)


def make_examples() -> dict[str, str]:
    """Return the text of each example by its name in the page."""
    well = [make_watch(server, slot="20240201_120000") for server in _SERVERS]
    began, told = decide(_REMEMBERED, make_report([_too_old("server_007"), _rejected()], well), at_look(1))
    _, told = decide(told, make_report([], well), at_look(5))
    over, _ = decide(told, make_report([], well), at_look(6))
    storm, _ = decide(_REMEMBERED, make_report([_stopped(), *map(_too_old, _SERVERS)], well), at_look(1))
    _, told = decide(_REMEMBERED, make_report([_too_old("server_007")], well), at_look(1))
    still, _ = decide(told, make_report([_too_old("server_007")], well), at_look(97))
    did = {"captures_requeued": 12, "verifications_requeued": 3, "backups_reread": 9_140}
    digest, _ = decide(_REMEMBERED, make_report([], well, did), START + timedelta(days=4))
    found = {"began": began, "over": over, "storm": storm, "still": still, "weekly": digest}
    return {name: _text(notices) for name, notices in found.items()}


def with_examples(page: str) -> str:
    """Return the page with every example as the code makes it."""
    texts = make_examples()
    return _BLOCK.sub(lambda block: f"{block[1]}{texts[block[2]]}\n{block[3]}", page)


def shown(page: str) -> list[str]:
    """Return the names of the examples that a page shows."""
    return [name for _, name, _ in _BLOCK.findall(page)]


def _text(notices: list[Notice]) -> str:
    (notice,) = notices
    return f"{notice.subject}\n\n{notice.body}"


def _too_old(server_id: str) -> Problem:
    what = "the newest verified backup is 2 h 15 min old, its target is 2 h; the last capture failed: Connection refused"
    artifact, good = artifact_of(server_id), key_of(server_id)
    command = f"fleetsave list --server {server_id} --kind database"
    return Problem(ProblemKind.TOO_OLD, what, START, command, server_id, artifact, last_good_key=good)


def _rejected() -> Problem:
    key = key_of("server_007", "20240201_110000")
    what = "the newest judged backup was rejected: integrity_check: database disk image is malformed"
    command, good = f"fleetsave show {key}", key_of("server_007")
    since = START - timedelta(minutes=50)
    return Problem(ProblemKind.REJECTED, what, since, command, "server_007", artifact_of("server_007"), key, good)


def _stopped() -> Problem:
    what = "no database was captured for 2024-02-01 12:00 UTC, and none for the slot before"
    command = 'aws scheduler list-schedules --query "Schedules[].[Name,State]"'
    return Problem(ProblemKind.SCHEDULE_STOPPED, what, START, command, part="database")


if __name__ == "__main__":
    PAGE.write_text(with_examples(PAGE.read_text()))
