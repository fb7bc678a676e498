"""The systemd unit shuts the agent in: it may write its staging folder and the game's, and gains no rights."""

import configparser
import json
from pathlib import Path

AGENT = Path(__file__).parents[4] / "agent"


def service() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    section = ""
    for line in (AGENT / "fleetsave-agent.service").read_text().splitlines():
        if line.startswith("["):
            section = line
        elif "=" in line and section == "[Service]":
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


def test_it_is_a_unit() -> None:
    parser = configparser.RawConfigParser(strict=False)
    parser.read(AGENT / "fleetsave-agent.service")
    assert parser.sections() == ["Unit", "Service", "Install"]


def test_it_gains_no_rights_and_writes_little() -> None:
    unit = service()
    for name in (
        "NoNewPrivileges",
        "PrivateTmp",
        "PrivateDevices",
        "RestrictNamespaces",
        "RestrictSUIDSGID",
        "MemoryDenyWriteExecute",
    ):
        assert unit[name] == ["yes"], name
    assert (unit["ProtectSystem"], unit["CapabilityBoundingSet"], unit["UMask"]) == (["strict"], [""], ["0077"])
    assert unit["User"] != ["root"]
    staging = json.loads((AGENT / "fleetsave-agent.example.json").read_text())["staging"]
    assert staging.startswith(unit["ReadWritePaths"][0])


def test_it_starts_the_file_that_the_page_installs() -> None:
    page = (AGENT.parent / "docs" / "agent.md").read_text()
    program, configuration = service()["ExecStart"][0].split()[-2:]
    assert f"install -D -m 755 agent/fleetsave_agent.py {program}" in page
    assert configuration in page
    assert "--check" in service()["ExecStartPre"][0]
