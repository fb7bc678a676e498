"""Every variable is read under its name, and each that is missing or wrong is named in one error."""

import pytest

from fleetsave.model.errors import ConfigurationError
from fleetsave.model.kinds import Kind
from fleetsave.settings import Provider, ScheduleSetting, Settings, variable

FULL = {
    "FLEETSAVE_BUCKET": "fleet-backups",
    "FLEETSAVE_STORE_PROVIDER": "portable",
    "FLEETSAVE_STORE_ENDPOINT": "https://store.example",
    "FLEETSAVE_STORE_REGION": "fra1",
    "FLEETSAVE_STORE_SECRET": "fleetsave/store",
    "FLEETSAVE_COLLECT_QUEUE_URL": "https://queue.example/collect.fifo",
    "FLEETSAVE_VERIFY_QUEUE_URL": "https://queue.example/verify",
    "FLEETSAVE_RECOVER_QUEUE_URL": "https://queue.example/recover.fifo",
    "FLEETSAVE_RECOVER_FUNCTION": "fleetsave-recover",
    "FLEETSAVE_ANNOUNCE_SOURCE": "fleetsave.store",
    "FLEETSAVE_POSTGRESQL_PROGRAMS": "/opt/postgresql",
    "FLEETSAVE_RETENTION_DAYS": "7.5",
    "FLEETSAVE_SCHEDULES": '{"database": {"cron": "cron(0 * * * ? *)", "period_minutes": 60}}',
    "FLEETSAVE_RPO_HOURS": "1.5",
    "FLEETSAVE_REREAD_DAYS": "0",
    "FLEETSAVE_ALERTS_TOPIC": "arn:aws:sns:eu-central-1:123456789012:alerts",
    "FLEETSAVE_NOTICE_SECRET": "fleetsave/notices",
    "FLEETSAVE_RESERVE_SECONDS": "30",
}


def test_every_setting_is_read_from_its_variable() -> None:
    settings = Settings.from_environment(FULL)
    assert {variable(name) for name in Settings.model_fields} == set(FULL)
    assert (settings.bucket, settings.store_provider) == ("fleet-backups", Provider.PORTABLE)
    assert (settings.retention_days, settings.reserve_seconds) == (7.5, 30)
    assert settings.schedules == {Kind.DATABASE: ScheduleSetting(cron="cron(0 * * * ? *)", period_minutes=60)}


@pytest.mark.parametrize("name", sorted(FULL))
@pytest.mark.parametrize("absent", ["removed", "empty"])
def test_without_a_variable_there_is_its_default_or_an_error_that_names_it(name: str, absent: str) -> None:
    environment = {key: value for key, value in FULL.items() if key != name} | ({name: ""} if absent == "empty" else {})
    field = name.removeprefix("FLEETSAVE_").lower()
    if Settings.model_fields[field].is_required():
        with pytest.raises(ConfigurationError, match=name):
            Settings.from_environment(environment)
    elif name == "FLEETSAVE_STORE_PROVIDER":
        assert Settings.from_environment(environment).store_provider is Provider.AWS
    else:
        assert getattr(Settings.from_environment(environment), field) == Settings.model_fields[field].default


def test_everything_that_is_wrong_is_named_at_once() -> None:
    wrong = {"FLEETSAVE_BUCKET": "ab", "FLEETSAVE_STORE_PROVIDER": "azure", "FLEETSAVE_RETENTION_DAYS": "0"}
    with pytest.raises(ConfigurationError) as caught:
        Settings.from_environment(wrong)
    for name in wrong:
        assert name in caught.value.cause


@pytest.mark.parametrize("value", ["-1", "0", "a month", "nan", "inf", "1e9"])
def test_an_age_that_is_none_is_refused(value: str) -> None:
    with pytest.raises(ConfigurationError, match="FLEETSAVE_RETENTION_DAYS"):
        Settings.from_environment(FULL | {"FLEETSAVE_RETENTION_DAYS": value})


def test_amazons_own_profile_with_another_address_needs_a_region() -> None:
    environment = {"FLEETSAVE_BUCKET": "fleet-backups", "FLEETSAVE_STORE_ENDPOINT": "https://store.example"}
    with pytest.raises(ConfigurationError, match="needs store_region"):
        Settings.from_environment(environment)
    assert Settings.from_environment(environment | {"FLEETSAVE_STORE_REGION": "eu-central-1"}).store_region == "eu-central-1"


def test_no_value_is_repeated_in_an_error() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Settings.from_environment(FULL | {"FLEETSAVE_RESERVE_SECONDS": "hunter2"})
    assert "hunter2" not in str(caught.value)
