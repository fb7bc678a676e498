"""What several parts of the fleet file are made of: ids, durations, paths, retention, and how to log in over SSH."""

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from fleetsave.model.errors import InvalidInputError
from fleetsave.model.keys import parse_id

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h|d|w)")
_HTTPS_URL = re.compile(r"https://(?:[A-Za-z0-9.-]{1,253}|\[[0-9a-fA-F:]{2,45}\])(?::[0-9]{1,5})?", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def _check_id(text: str) -> str:
    try:
        return parse_id(text, "id")
    except InvalidInputError as error:
        raise ValueError(f"{error.cause}: {error.hint}") from None


def _read_duration(value: object) -> object:
    """Turn `30d`, `12h`, `90m`, `45s`, `2w` into a time span; leave everything else to pydantic."""
    if isinstance(value, str):
        match = _DURATION.fullmatch(value.strip())
        if match is None:
            raise ValueError("write a duration as a number and a unit, for example 30d, 12h, 90m, 45s or 2w")
        try:
            return timedelta(**{_UNITS[match[2]]: float(match[1])})
        except OverflowError:
            raise ValueError("the duration is too long") from None
    if isinstance(value, timedelta):
        return value
    raise ValueError("write a duration as text with a unit, for example 30d")


def _check_absolute(path: str) -> str:
    if not path.startswith("/") or "\0" in path:
        raise ValueError("write an absolute path, beginning with /")
    return path


Identifier = Annotated[str, AfterValidator(_check_id)]
Duration = Annotated[timedelta, BeforeValidator(_read_duration, json_schema_input_type=str), Field(gt=timedelta(0))]
AbsolutePath = Annotated[str, AfterValidator(_check_absolute)]
Rpo = Annotated[
    Duration | None,
    Field(description="age its newest verified backup may have, e.g. 3h; by default RpoHours, times the hours of its schedule"),
]


class Strict(BaseModel):
    """A part of the fleet file: unknown keys are refused, and nothing is changed after it was read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Retention(Strict):
    """How long backups are kept; what is left out comes from the next wider place: artifact, server, defaults."""

    keep_for: Duration | None = Field(default=None, description="age after which a backup may be deleted, e.g. 30d")
    keep_last: int | None = Field(default=None, ge=1, description="newest verified backups kept whatever their age")
    hourly: int | None = Field(default=None, ge=0, description="thin: keep one for each of so many hours")
    daily: int | None = Field(default=None, ge=0, description="thin: keep one for each of so many days")
    weekly: int | None = Field(default=None, ge=0, description="thin: keep one for each of so many weeks")
    monthly: int | None = Field(default=None, ge=0, description="thin: keep one for each of so many months")
    maximum_share: float | None = Field(default=None, gt=0, le=1, description="greatest part one run may delete")


class Ssh(Strict):
    """How to reach a server over SSH."""

    host: str = Field(min_length=1, description="host name or address")
    port: int = Field(default=22, ge=1, le=65535)
    user: str = Field(min_length=1, description="account to log in as; it needs no more than to read the databases")
    host_keys: list[str] = Field(
        min_length=1, description="pinned public host keys, as in known_hosts: 'ssh-ed25519 AAAA...'; none is ever learnt"
    )
    key_secret: str = Field(min_length=1, description="name of the secret that holds the private key; never the key itself")
    connect_timeout: Duration = Field(default=timedelta(seconds=15))

    @model_validator(mode="before")
    @classmethod
    def _refuse_private_keys(cls, values: Any) -> Any:
        for value in values.values() if isinstance(values, dict) else ():
            if isinstance(value, str) and "PRIVATE KEY" in value:
                raise ValueError(
                    "a private key does not belong in the fleet file: store it as a secret and name it in key_secret"
                )
        return values


class Https(Strict):
    """How to reach the agent on a server over HTTPS (docs/agent.md)."""

    url: str = Field(description="where the agent answers: https://host or https://host:port, nothing after it")
    token_secret: str = Field(min_length=1, description="name of the secret that holds the bearer token; never the token itself")
    ca_certificate: str | None = Field(
        default=None, description="PEM of the authority that signed the server's certificate; leave out for a public one"
    )
    connect_timeout: Duration = Field(default=timedelta(seconds=15))

    @field_validator("url")
    @classmethod
    def _check_url(cls, url: str) -> str:
        if not _HTTPS_URL.fullmatch(url):
            raise ValueError("write https:// and a host, and a port if it is not 443, and nothing more")
        return url
