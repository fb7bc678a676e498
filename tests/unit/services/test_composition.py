"""A door is given what its room needs, and a schedule that cannot be followed keeps nothing from being captured."""

from datetime import timedelta
from pathlib import Path

import pytest

from fleetsave.catalog.catalog import Catalog
from fleetsave.model.errors import ConfigurationError
from fleetsave.model.fleet import Fleet
from fleetsave.model.kinds import Kind
from fleetsave.model.schedules import Schedule
from fleetsave.secrets import SecretsManager
from fleetsave.services import Services
from fleetsave.settings import Settings
from tests.fakes.job_queue import RecordingAnnouncer
from tests.fakes.memory_store import MemoryStore


def services_with(schedules: str) -> Services:
    settings = Settings.from_environment(
        {
            "FLEETSAVE_BUCKET": "backups",
            "FLEETSAVE_COLLECT_QUEUE_URL": "https://collect",
            "FLEETSAVE_VERIFY_QUEUE_URL": "https://verify",
            "FLEETSAVE_SCHEDULES": schedules,
        }
    )
    store = MemoryStore()
    return Services(
        settings=settings, store=store, catalog=Catalog(store), secrets=SecretsManager(None), announcer=RecordingAnnouncer(),
        sqs=None, scratch=Path("unused"), sign_token=lambda *_: "", client=lambda *_: None,
    )  # fmt: skip


SSH = {"host": "localhost", "user": "backup", "host_keys": ["ssh-ed25519 AAAA"], "key_secret": "fleetsave/ssh/read-default"}
FLEET = Fleet.model_validate({"servers": [{"id": "alpha", "ssh": SSH, "databases": [{"path": "/srv/a.db"}]}]})
HOURLY = '"database": {"cron": "cron(0 * * * ? *)", "period_minutes": 60}'
RATE = '"files": {"cron": "rate(6 hours)", "period_minutes": 360}'


def test_collect_is_told_the_schedules_and_passes_over_one_that_cannot_be_followed() -> None:
    ports = services_with(f"{{{HOURLY}, {RATE}}}").collect_ports(FLEET, lambda: 900.0)
    assert ports.schedules == {Kind.DATABASE: Schedule("cron(0 * * * ? *)", timedelta(hours=1))}
    assert services_with("").collect_ports(FLEET, lambda: 900.0).schedules == {}


def test_the_watchdog_refuses_to_look_with_such_a_schedule_or_none() -> None:
    assert set(services_with(f"{{{HOURLY}}}").watchdog_ports().schedules) == {Kind.DATABASE}
    with pytest.raises(ConfigurationError, match="rate"):
        services_with(f"{{{HOURLY}, {RATE}}}").watchdog_ports()
    with pytest.raises(ConfigurationError, match="SCHEDULES"):
        services_with("").watchdog_ports()
