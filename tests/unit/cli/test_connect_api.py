"""The API's address, region and caller come from options, environment and AWS's own chain, and what is missing is named."""

from pathlib import Path

import pytest

from fleetsave.cli.connect_api import API_REGION, API_URL, open_recovery_api
from fleetsave.model.errors import ConfigurationError

AWS = "https://abc123.execute-api.eu-central-1.amazonaws.com/v1"
OWN = "https://recovery.example.net/v1"


@pytest.fixture(autouse=True)
def nothing_given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Take away whatever this machine would give."""
    for name in (API_URL, API_REGION, "AWS_PROFILE", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "the secret key")


def test_the_region_stands_in_an_address_of_amazons(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(API_URL, AWS)
    monkeypatch.setenv("AWS_REGION", "us-west-1")
    assert region({}) == "eu-central-1"


def test_elsewhere_it_is_the_one_given_or_that_of_the_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-1")
    assert region({"api_url": OWN}) == "us-west-1"
    monkeypatch.setenv(API_REGION, "eu-west-1")
    assert region({"api_url": OWN}) == "eu-west-1"
    assert region({"api_url": OWN, "api_region": "eu-north-1"}) == "eu-north-1"


def test_what_is_missing_or_wrong_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for options, words in (
        ({}, "--api-url"),
        ({"api_url": OWN}, "--api-region"),
        ({"api_url": "http://example.net", "api_region": "x"}, "https"),
    ):
        with pytest.raises(ConfigurationError, match=words):
            open_recovery_api(options)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(ConfigurationError, match="no AWS credentials"):
        open_recovery_api({"api_url": AWS})
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(ConfigurationError, match="nobody"):
        open_recovery_api({"api_url": AWS})


def region(options: dict[str, str]) -> str:
    return open_recovery_api(options).region
