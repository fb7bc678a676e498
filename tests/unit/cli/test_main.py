"""Errors are told to people and machines alike, and end in the exit codes that are written down."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from fleetsave.cli.exits import Exit, exit_of
from fleetsave.cli.main import cli, main
from fleetsave.model import errors
from fleetsave.model.errors import AccessDeniedError, FleetsaveError, StoreError
from tests.unit.cli.conftest import CommandLine

DOCUMENT = (Path(__file__).parents[3] / "docs" / "command-line.md").read_text()


def commands(group: click.Group, path: str = "") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{path}{name} ")
        else:
            yield f"{path}{name}", command


@pytest.mark.parametrize(("name", "command"), list(commands(cli)))
def test_every_command_and_option_is_documented_and_speaks_json(name: str, command: click.Command) -> None:
    assert name in DOCUMENT
    options = [option for parameter in command.params for option in parameter.opts if option.startswith("--")]
    assert "--json" in options
    for option in options:
        assert option in DOCUMENT


def test_every_global_option_is_documented() -> None:
    for parameter in cli.params:
        for option in parameter.opts:
            assert option in DOCUMENT


def test_the_table_of_exit_codes_is_the_codes() -> None:
    documented = dict(re.findall(r"^\| (\d+) \| ([A-Z_]+) \|", DOCUMENT, flags=re.MULTILINE))
    assert documented == {str(code.value): code.name for code in Exit}


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.ConfigurationError, 2),
        (errors.InvalidInputError, 2),
        (errors.StoreError, 3),
        (errors.AccessDeniedError, 3),
        (errors.PruneRefusedError, 4),
        (errors.ObjectNotFoundError, 5),
        (errors.CatalogError, 6),
        (errors.VerificationError, 6),
        (errors.FleetsaveError, 6),
    ],
)
def test_each_kind_of_error_has_its_exit_code(kind: type[FleetsaveError], code: int) -> None:
    assert exit_of(kind("do", "it", "cause", "hint")) == code


def test_an_error_tells_operation_target_cause_and_hint(fleetsave: CommandLine) -> None:
    fleetsave.bucket.store.fail("list", AccessDeniedError("list", "fleet-backups/catalog/", "AccessDenied: no", "Check the key."))
    assert fleetsave("list") == 3
    assert fleetsave.err.splitlines() == [
        "error: could not list fleet-backups/catalog/",
        "  cause: AccessDenied: no",
        "  hint:  Check the key.",
    ]
    assert fleetsave.out == ""


def test_an_error_is_one_json_document_too(fleetsave: CommandLine) -> None:
    fleetsave.bucket.store.fail("list", StoreError("list", "bucket", "connection refused", "Check.", retryable=True))
    assert fleetsave("list", "--json") == 3
    assert fleetsave.document == {
        "error": "StoreError",
        "operation": "list",
        "target": "bucket",
        "cause": "connection refused",
        "hint": "Check.",
        "retryable": True,
        "exit_code": 3,
    }


def test_wrong_usage_is_code_2_and_one_json_document(fleetsave: CommandLine) -> None:
    assert fleetsave("list", "--state", "lost", "--json") == 2
    assert fleetsave.document["exit_code"] == 2
    assert "lost" in fleetsave.err


def test_what_servers_said_cannot_steer_the_terminal(fleetsave: CommandLine) -> None:
    fleetsave.bucket.store.fail("list", StoreError("list", "bucket", "\x1b[2J\x07evil", "Check."))
    fleetsave("list")
    assert "\x1b" not in fleetsave.err
    assert "evil" in fleetsave.err


def test_global_options_reach_the_connection(fleetsave: CommandLine) -> None:
    fleetsave("--bucket", "other", "--provider", "portable", "--endpoint", "https://s3.example", "--region", "x", "list")
    assert fleetsave.options == {
        "bucket": "other",
        "store_provider": "portable",
        "store_endpoint": "https://s3.example",
        "store_region": "x",
    }


def test_help_and_version_are_no_errors(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    assert main(["--version"]) == 0
    assert "Exit codes" in capsys.readouterr().out


def test_an_interruption_is_code_130(fleetsave: CommandLine) -> None:
    fleetsave.bucket.store.fail("list", KeyboardInterrupt())  # type: ignore[arg-type]  # what Ctrl-C raises
    assert fleetsave("list") == 130
