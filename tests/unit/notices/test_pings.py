from fleetsave.model.watch import ArtifactWatch
from fleetsave.notices.addresses import FLEET
from fleetsave.notices.pings import SECONDS, Pinged, ping
from tests.fakes.channels import RecordingPing
from tests.fixtures.looks import artifact_of, key_of, make_report, make_watch

ARTIFACT = artifact_of("server_001")
OLDER, KEY, NEWER = (key_of("server_001", f"20240201_{hour}0000") for hour in ("08", "10", "12"))


def pinged_for(watch: ArtifactWatch, before: dict[str, str]) -> tuple[list[tuple[str, bool]], dict[str, str]]:
    """Return the calls of an artifact's ping in one look, and what is remembered after it."""
    one = RecordingPing()
    return one.calls, dict(ping(make_report(artifacts=[watch]), {ARTIFACT: one}, before, lambda: 0).newest)


def test_the_fleet_is_pinged_in_each_look_in_which_everything_is_within_its_target() -> None:
    one = RecordingPing()
    for _ in range(2):
        ping(make_report(artifacts=[make_watch(), make_watch("server_002")]), {FLEET: one}, {}, lambda: 0)
    assert one.calls == [("2 artifacts within target", False)] * 2


def test_the_fleet_is_said_to_fail_when_anything_is_not() -> None:
    one = RecordingPing()
    artifacts = [make_watch(), make_watch("server_002", age=9000), make_watch("server_003", age=None)]
    ping(make_report(artifacts=artifacts), {FLEET: one}, {}, lambda: 0)
    text = "2 of 3 artifacts not within target: server_002/database/database, server_003/database/database"
    assert one.calls == [(text, True)]


def test_a_look_at_nothing_proves_nothing() -> None:
    one = RecordingPing()
    ping(make_report(artifacts=[]), {FLEET: one}, {}, lambda: 0)
    assert one.calls == [("0 artifacts within target", True)]


def test_an_artifact_is_pinged_once_for_each_newly_verified_backup() -> None:
    watch = make_watch(slot="20240201_120000")
    assert pinged_for(watch, {ARTIFACT: KEY}) == ([(f"verified: {NEWER} (of 2024-02-01 12:00 UTC)", False)], {ARTIFACT: NEWER})
    assert pinged_for(watch, {ARTIFACT: NEWER}) == ([], {ARTIFACT: NEWER})


def test_an_older_backup_that_became_the_newest_is_no_news() -> None:
    assert pinged_for(make_watch(slot="20240201_080000"), {ARTIFACT: KEY}) == ([], {ARTIFACT: KEY})


def test_what_was_never_verified_is_not_pinged_for() -> None:
    assert pinged_for(make_watch(age=None), {}) == ([], {})


def test_with_nothing_remembered_only_a_backup_within_its_target_is_news() -> None:
    assert pinged_for(make_watch(age=9000), {}) == ([], {})
    assert len(pinged_for(make_watch(), {})[0]) == 1


def test_a_ping_that_failed_is_sent_in_the_next_look() -> None:
    one, report = RecordingPing(broken=True), make_report(artifacts=[make_watch()])
    pinged = ping(report, {ARTIFACT: one}, {ARTIFACT: OLDER}, lambda: 0)
    assert (pinged.newest, pinged.sent, len(pinged.failures)) == ({ARTIFACT: OLDER}, 0, 1)
    one.broken = False
    assert ping(report, {ARTIFACT: one}, pinged.newest, lambda: 0) == Pinged({ARTIFACT: KEY}, 1, [])


def test_a_service_that_is_not_there_is_not_called_hundreds_of_times() -> None:
    one, servers = RecordingPing(broken=True), [f"server_{number:03d}" for number in range(100)]
    report = make_report(artifacts=[make_watch(server) for server in servers])
    assert len(ping(report, {artifact_of(server): one for server in servers}, {}, lambda: 0).failures) == 3
    assert one.attempts == 3


def test_what_there_is_no_time_for_is_sent_in_the_next_look() -> None:
    one, servers = RecordingPing(), [f"server_{number:03d}" for number in range(100)]
    ticks = iter(range(0, 1000, 5))
    report = make_report(artifacts=[make_watch(server) for server in servers])
    pinged = ping(report, {artifact_of(server): one for server in servers}, {}, lambda: next(ticks))
    assert pinged.sent == len(pinged.newest) == SECONDS / 5 - 1
    assert pinged.failures == []


def test_what_has_no_ping_any_more_is_forgotten() -> None:
    assert ping(make_report(), {}, {ARTIFACT: KEY}, lambda: 0) == Pinged({}, 0, [])
