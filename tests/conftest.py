"""Fixtures that every test may use, and which tests run in the same process."""

import pytest

pytest_plugins = [
    "tests.fixtures.agents",
    "tests.fixtures.captures",
    "tests.fixtures.collecting",
    "tests.fixtures.copies",
    "tests.fixtures.dumping",
    "tests.fixtures.fault_station",
    "tests.fixtures.recovering",
    "tests.fixtures.recovering_postgres",
    "tests.fixtures.restores",
    "tests.fixtures.servers",
    "tests.fixtures.small_disk",
    "tests.fixtures.stored_dumps",
    "tests.fixtures.stores",
    "tests.fixtures.stores_behind_proxy",
]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of one file in one process, for they share what is dear to start, and those of one deployed stack too."""
    for item in items:
        profile = (
            item.callspec.params.get("deployment") if isinstance(item, pytest.Function) and hasattr(item, "callspec") else None
        )
        item.add_marker(pytest.mark.xdist_group(f"deployment-{profile}" if profile else str(item.path)))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Refuse to run ungrouped: everything dear would be started again in every process, and nobody would be told."""
    if getattr(session.config.option, "loadgroup", False) and not all("@" in item.nodeid for item in session.items):
        raise pytest.UsageError("pytest-xdist does not group the tests: are both versions those of requirements-dev.txt?")
