"""Durations as options: `2h`, `30d`, written as in the fleet file."""

from datetime import timedelta

import click
from pydantic import TypeAdapter, ValidationError

from fleetsave.model.fleet_parts import Duration

_ADAPTER: TypeAdapter[timedelta] = TypeAdapter(Duration)


class DurationOption(click.ParamType[timedelta]):
    """A number and a unit, above zero."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Return the time span, or fail as options do."""
        try:
            return _ADAPTER.validate_python(value)
        except ValidationError:
            self.fail("write a number and a unit, for example 2h, 90m or 30d", param, ctx)
