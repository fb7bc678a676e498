"""Nothing of a request goes on but what is known, and no path, SQL or limit but the configured."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetsave.sources.gate.gate_config import GateConfiguration
from fleetsave.sources.gate.gate_requests import GateRequests
from fleetsave.sources.sqlite.server_side.ground import RefusedError

TREE = {"member": "files/a", "path": "/srv/world", "include": ["**"], "exclude": ["x"], "maximum_file_size": 5, "more": 1}
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3)
)
FIELDS = st.sampled_from(
    ["name", "path", "staging", "deadline", "lock_limit", "checks", "databases", "trees", "new_in", "recovery", "size"]
)
OPERATIONS = st.sampled_from(
    ["snapshot", "hold", "pair", "archive", "probe", "find", "drop", "sweep", "restore_swap", "tree_swap", "x"]
)


@pytest.fixture(scope="module")
def configuration(tmp_path_factory: pytest.TempPathFactory) -> GateConfiguration:
    path = tmp_path_factory.mktemp("gate") / "gate.json"
    databases = [
        {"path": "/srv/*.db", "checks": {"one": "SELECT 1"}, "deadline": 20, "lock_limit": 5},
        {"path": "/srv/r.sqlite", "restore": True, "checks": {"one": "SELECT 1"}},
        {"path": "/srv/s.sqlite", "checks": {"one": "SELECT 3"}},
    ]
    folders = [{"path": "/srv/world", "exclude": ["secret"], "deadline": 30}]
    path.write_text(
        json.dumps({"staging": "/staging", "databases": databases, "folders": folders, "restores": {"new_in": ["/new"]}})
    )
    path.chmod(0o644)
    return GateConfiguration(str(path))


@pytest.fixture(scope="module")
def reads(configuration: GateConfiguration) -> GateRequests:
    return GateRequests(configuration, may_restore=False)


@pytest.fixture(scope="module")
def restores(configuration: GateConfiguration) -> GateRequests:
    return GateRequests(configuration, may_restore=True)


def reason(requests: GateRequests, asked: dict[str, Any]) -> str:
    with pytest.raises(RefusedError) as refused:
        requests.allowed(asked)
    return refused.value.reason


def test_a_capture_goes_on_with_our_staging_and_at_most_our_limits(reads: GateRequests) -> None:
    asked = {
        "operation": "snapshot",
        "name": "a",
        "path": "/srv/a.db",
        "deadline": 99,
        "lock_limit": 1,
        "checks": {"one": "SELECT 1"},
    }
    assert reads.allowed({**asked, "lock_limit": 1, "staging": "/etc", "recovery": "x"}) == {
        "operation": "snapshot",
        "name": "a",
        "path": "/srv/a.db",
        "staging": "/staging",
        "deadline": 20,
        "lock_limit": 1,
        "checks": {"one": "SELECT 1"},
    }


def test_of_a_folder_stays_out_what_is_asked_and_what_is_configured(reads: GateRequests) -> None:
    allowed = reads.allowed({"operation": "archive", "name": "a", "deadline": 99, "databases": [], "trees": [TREE]})
    assert allowed["deadline"] == 30
    assert allowed["trees"] == [{**{name: TREE[name] for name in TREE if name != "more"}, "exclude": ["x", "secret"]}]


@pytest.mark.parametrize("change", [
    {"path": "/srv/world/sub"}, {"path": "/srv"}, {"include": "**"}, {"include": ["../x"]}, {"exclude": [7]},
    {"maximum_file_size": "1"},
    {"member": 7}, {"include": None}, {"path": None},
])  # fmt: skip
def test_a_folder_that_is_not_listed_or_asked_for_wrongly_is_refused(reads: GateRequests, change: dict[str, Any]) -> None:
    asked = {"operation": "archive", "name": "a", "deadline": 99, "databases": [], "trees": [{**TREE, **change}]}
    assert reason(reads, asked) in ("not_served", "bad_request")


@pytest.mark.parametrize("checks", [{"one": "SELECT 2"}, {"two": "SELECT 1"}])
def test_other_sql_is_refused(reads: GateRequests, checks: dict[str, str]) -> None:
    assert reason(reads, {"operation": "pair", "path": "/srv/a.db", "checks": checks}) == "checks_differ"


def test_each_key_does_its_own_work_alone(reads: GateRequests, restores: GateRequests) -> None:
    assert reason(reads, {"operation": "restore_swap", "path": "/srv/r.sqlite"}) == "not_served"
    assert reason(restores, {"operation": "snapshot", "path": "/srv/r.sqlite"}) == "not_served"
    assert reason(restores, {"operation": "restore_swap", "path": "/srv/a.db"}) == "not_served"
    assert reason(restores, {"operation": "tree_swap", "path": "/srv/r.sqlite"}) == "not_served"
    assert restores.allowed({"operation": "restore_swap", "path": "/srv/r.sqlite"})["path"] == "/srv/r.sqlite"


def test_a_new_file_is_made_in_our_folders_whatever_is_asked(restores: GateRequests) -> None:
    asked = {
        "operation": "restore_swap",
        "path": "/etc/cron.d/x",
        "new_in": ["/etc/cron.d"],
        "links_out": True,
        "keep_aside": False,
    }
    allowed = restores.allowed(asked)
    assert (allowed["new_in"], allowed["links_out"], allowed["keep_aside"]) == (["/new"], False, False)


@pytest.mark.parametrize("sql", ["SELECT 1", "SELECT 3"])
def test_a_new_database_may_have_the_checks_of_any_that_is_listed(restores: GateRequests, sql: str) -> None:
    asked = {"operation": "restore_check", "path": "/new/a.db", "new_in": ["/new"], "checks": {"one": sql}}
    assert restores.allowed(asked)["checks"] == {"one": sql}
    assert reason(restores, {**asked, "checks": {"one": "SELECT 2"}}) == "checks_differ"


def test_what_lies_beside_a_database_may_be_read_and_nothing_else(reads: GateRequests) -> None:
    assert [reads.readable(f"/srv/a.db{suffix}") for suffix in ("", "-wal", "-journal")] == [True] * 3
    assert not any(map(reads.readable, ("/srv/a.db-shm", "/srv/a.db-wal-wal", "/srv/../srv/a.db", "-wal", "", "/etc/passwd")))


@given(OPERATIONS, st.dictionaries(FIELDS, JSON_VALUES, max_size=6), st.booleans())
def test_whatever_is_asked_no_other_path_goes_on(
    configuration: GateConfiguration, operation: str, asked: dict[str, Any], may_restore: bool
) -> None:
    try:
        allowed = GateRequests(configuration, may_restore=may_restore).allowed({**asked, "operation": operation})
    except RefusedError:
        return
    assert allowed["staging"] == "/staging"
    assert allowed.get("new_in") in (None, ["/new"])
    assert operation in ("probe", "find", "drop", "sweep", "archive") or allowed["new_in"]
    assert allowed.get("trees", []) == allowed.get("databases", []) == []
