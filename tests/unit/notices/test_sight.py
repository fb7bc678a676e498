import pytest

from fleetsave.model.watch import Problem, ProblemKind
from fleetsave.notices.sight import sight_of
from tests.fixtures.looks import key_of, make_problem, make_report

UNREADABLE = ProblemKind.UNREADABLE
OF_ONE, OF_ANOTHER, OF_ALL = make_problem(), make_problem(server_id="server_002"), make_problem(ProblemKind.CLOCK, None)


@pytest.mark.parametrize(
    ("hiding", "hidden"),
    [
        (make_problem(ProblemKind.FLEET_FILE, None), [OF_ONE, OF_ANOTHER]),
        (make_problem(ProblemKind.CLOCK, None), [OF_ONE, OF_ANOTHER]),
        (make_problem(UNREADABLE, None), [OF_ONE, OF_ANOTHER]),
        (make_problem(UNREADABLE, of_artifact=False), [OF_ONE]),
        (make_problem(UNREADABLE, key="catalog/x/stored.json"), [OF_ONE]),
        (make_problem(UNREADABLE, key="servers/alien", of_artifact=False), []),
        (make_problem(UNREADABLE, None, key="servers/alien"), []),
        (make_problem(ProblemKind.TOO_OLD), []),
    ],
)
def test_what_a_look_could_not_see_is_not_taken_for_gone(hiding: Problem, hidden: list[Problem]) -> None:
    sight = sight_of(make_report([hiding]))
    assert [one for one in (OF_ONE, OF_ANOTHER) if not sight.covers(one)] == hidden
    assert sight.covers(OF_ALL)


def test_a_look_without_trouble_sees_everything() -> None:
    assert sight_of(make_report()).covers(OF_ONE)


def test_a_listing_that_contradicts_itself_hides_what_is_found_by_comparing() -> None:
    unclear = make_problem(UNREADABLE, key=key_of("server_001"), of_artifact=False)
    sight = sight_of(make_report([unclear]))
    gone, gone_elsewhere = (make_problem(ProblemKind.RECORD_WITHOUT_OBJECT, server) for server in ("server_001", "server_002"))
    assert [sight.covers(one) for one in (gone, gone_elsewhere, OF_ONE)] == [False, True, True]


@pytest.mark.parametrize("key", ["recoveries/", "recoveries/server_001.000001/001-requested.json"])
def test_records_of_recoveries_that_cannot_be_read_hide_which_of_them_stand_still(key: str) -> None:
    sight = sight_of(make_report([make_problem(UNREADABLE, None, key=key)]))
    assert not sight.covers(make_problem(ProblemKind.RECOVERY_STALLED, of_artifact=False))
    assert sight.covers(OF_ONE)
    assert sight_of(make_report([OF_ONE])).covers(make_problem(ProblemKind.RECOVERY_STALLED, of_artifact=False))
