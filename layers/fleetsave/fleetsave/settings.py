"""The typed environment of the functions and of the command line: every variable, its default, and its error."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, Json, ValidationError, model_validator

from fleetsave.model.errors import ConfigurationError
from fleetsave.model.kinds import Kind
from fleetsave.model.schedules import Schedule


class Provider(StrEnum):
    """Which profile of S3 settings fits the store (docs/stores.md)."""

    AWS = "aws"
    PORTABLE = "portable"


class ScheduleSetting(BaseModel):
    """When a kind is captured: the schedule as EventBridge has it, and the minutes its slots are floored to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cron: str
    period_minutes: int = Field(ge=1)

    @property
    def schedule(self) -> Schedule:
        """Return what the setting says. Raise ConfigurationError if its times cannot be told."""
        return Schedule(self.cron, timedelta(minutes=self.period_minutes))


class Settings(BaseModel):
    """Where the store and the queues are; each field is the environment variable of its name in capitals, after FLEETSAVE_."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bucket: str = Field(min_length=3, description="the bucket that holds backups, catalog, state and fleet.yaml")
    store_provider: Provider = Field(default=Provider.AWS, description="aws, or portable for every other store")
    store_endpoint: str | None = Field(default=None, description="address of the store; empty for Amazon S3")
    store_region: str | None = Field(default=None, description="region of the store; empty for the function's own")
    store_secret: str | None = Field(
        default=None, description="secret with access_key_id and secret_access_key; empty for the role"
    )
    collect_queue_url: str | None = Field(default=None, description="FIFO queue of jobs")
    verify_queue_url: str | None = Field(default=None, description="queue of backups to verify")
    recover_queue_url: str | None = Field(default=None, description="FIFO queue of recoveries")
    recover_function: str | None = Field(
        default=None, description="name of the recover function, which looks at a database for a dry run"
    )
    announce_source: str | None = Field(
        default=None, description="event source under which collect announces what it stored; empty where the store does"
    )
    postgresql_programs: str | None = Field(
        default=None, description="folder of PostgreSQL's programs, which holds bin and lib; empty for the layer's"
    )
    retention_days: float = Field(
        default=30, gt=0, le=36_500, description="days a backup is kept where the fleet file does not say"
    )
    schedules: Json[dict[Kind, ScheduleSetting]] | None = Field(
        default=None,
        description="when each kind is captured, as JSON: tells collect which slot is due, and the watchdog what is missing",
    )
    rpo_hours: float = Field(
        default=2, gt=0, description="hours old that the newest verified backup of what is captured hourly may be"
    )
    reread_days: float = Field(default=28, ge=0, description="days in which every backup is read again; 0 for never")
    alerts_topic: str | None = Field(default=None, description="SNS topic that notices are sent to; empty for none")
    notice_secret: str | None = Field(default=None, description="secret with the addresses of notices and pings; empty for none")
    reserve_seconds: float = Field(
        default=60, gt=0, description="time before its deadline at which collect or recover hands a job on"
    )

    @model_validator(mode="after")
    def _endpoint_needs_portable(self) -> "Settings":
        if self.store_endpoint and self.store_provider is Provider.AWS and not self.store_region:
            raise ValueError("store_endpoint with provider aws needs store_region")
        return self

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Read the settings; empty variables count as absent. Raise ConfigurationError naming every variable that is wrong."""
        values = {name: environment.get(variable(name)) or None for name in cls.model_fields}
        try:
            return cls.model_validate({name: value for name, value in values.items() if value is not None})
        except ValidationError as error:
            problems = "; ".join(
                f"{variable(str(p['loc'][0])) if p['loc'] else 'environment'}: {p['msg']}"
                for p in error.errors(include_input=False)
            )
            raise ConfigurationError(
                "read settings", "environment", problems, "Set the variables named; template.yaml does so for functions."
            ) from None


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return f"FLEETSAVE_{name.upper()}"
