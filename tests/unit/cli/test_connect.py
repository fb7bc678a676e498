"""The bucket is reached with options first, environment second, and clear words for what is missing."""

import pytest
from moto import mock_aws

from fleetsave.cli.connect import open_bucket
from fleetsave.cli.main import main
from fleetsave.model.errors import ConfigurationError


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BUCKET", "STORE_PROVIDER", "STORE_ENDPOINT", "STORE_REGION", "ACCESS_KEY_ID", "SECRET_ACCESS_KEY"):
        monkeypatch.delenv(f"FLEETSAVE_{name}", raising=False)
    for name in ("RETENTION_DAYS", "COLLECT_QUEUE_URL"):
        monkeypatch.delenv(f"FLEETSAVE_{name}", raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")


def test_without_a_bucket_the_option_is_named() -> None:
    with pytest.raises(ConfigurationError, match="--bucket"):
        open_bucket({})


def test_an_option_wins_over_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEETSAVE_BUCKET", "from-environment")
    assert open_bucket({}).settings.bucket == "from-environment"
    assert open_bucket({"bucket": "from-option"}).settings.bucket == "from-option"


def test_half_a_key_pair_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEETSAVE_ACCESS_KEY_ID", "id")
    with pytest.raises(ConfigurationError, match="only one of"):
        open_bucket({"bucket": "fleet-backups"})


def test_an_endpoint_that_is_no_address_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="endpoint"):
        open_bucket({"bucket": "fleet-backups", "store_endpoint": "not an address", "store_provider": "portable"})


def test_the_environment_says_whether_retention_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not open_bucket({"bucket": "fleet-backups"}).has_own_retention
    monkeypatch.setenv("FLEETSAVE_RETENTION_DAYS", "7")
    assert open_bucket({"bucket": "fleet-backups"}).has_own_retention


def test_a_bucket_that_is_not_there_is_code_3(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("FLEETSAVE_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("FLEETSAVE_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        assert main(["--bucket", "no-such-bucket", "list"]) == 3
    assert "NoSuchBucket" in capsys.readouterr().err


def test_the_collect_queue_is_used_where_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert open_bucket({"bucket": "fleet-backups"}).queue is None
    monkeypatch.setenv("FLEETSAVE_COLLECT_QUEUE_URL", "https://sqs.eu-central-1.amazonaws.com/1/collect.fifo")
    assert open_bucket({"bucket": "fleet-backups"}).queue is not None
