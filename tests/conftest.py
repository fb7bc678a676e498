"""Fixtures that every test may use."""

pytest_plugins = [
    "tests.fixtures.captures",
    "tests.fixtures.collecting",
    "tests.fixtures.servers",
    "tests.fixtures.small_disk",
    "tests.fixtures.stores",
]
