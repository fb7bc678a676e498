"""The notice secret: which channels notices go to, and which addresses are called for what is proven."""

import json
import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from fleetsave.model.errors import ConfigurationError, InvalidInputError
from fleetsave.model.keys import ArtifactId

FLEET = "fleet"
"""The name of the address that is called for the fleet as a whole."""

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]{0,20}://\S+", re.IGNORECASE)
_MOST_CHANNELS = 10
_MOST_PINGS = 500
"""A secret holds 64 KiB; that is some 500 addresses."""


def _channel(url: str) -> str:
    if not _SCHEME.fullmatch(url):
        raise ValueError("is no address of the form kind://...")
    return url


def _ping(url: str) -> str:
    if not url.startswith("https://") or not _SCHEME.fullmatch(url) or not url.isascii():
        raise ValueError("is no https:// address")
    return url


def _pinged(name: str) -> str:
    if name != FLEET:
        try:
            ArtifactId.parse(name)
        except InvalidInputError:
            raise ValueError(f"is neither {FLEET} nor server/kind/artifact") from None
    return name


class NoticeAddresses(BaseModel):
    """The content of the notice secret."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    notices: list[Annotated[str, AfterValidator(_channel)]] = Field(default_factory=list, max_length=_MOST_CHANNELS)
    pings: dict[Annotated[str, AfterValidator(_pinged)], Annotated[str, AfterValidator(_ping)]] = Field(
        default_factory=dict, max_length=_MOST_PINGS
    )


def parse_addresses(text: str) -> NoticeAddresses:
    """Read the notice secret. Raise ConfigurationError that names every place that is wrong and repeats no content."""
    try:
        return NoticeAddresses.model_validate(_load(text))
    except ValidationError as error:
        problems = [_describe(one["loc"], one["type"], one["msg"]) for one in error.errors(include_input=False)]
    raise _refused("; ".join(problems))


def _load(text: str) -> Any:
    """Return the content of a JSON text in which no key stands twice: of two lists of channels one would be lost."""
    try:
        return json.loads(text, object_pairs_hook=_once)
    except json.JSONDecodeError:
        cause = "it is not JSON"
    except (ValueError, RecursionError):
        cause = "it holds a key twice, or is nested too deep"
    raise _refused(cause)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a key stands there twice")
    return dict(pairs)


def _refused(cause: str) -> ConfigurationError:
    return ConfigurationError("read notice secret", "its content", cause, "docs/notices.md shows what it holds.")


def _describe(place: tuple[int | str, ...], kind: str, message: str) -> str:
    """Return what is wrong where, in names of ours and positions alone: a misplaced address may stand where a name should."""
    if kind == "extra_forbidden":
        return "it holds a key that is neither notices nor pings"
    known = [part for part in place if part != "[key]"]
    name = "".join(
        f"[{part}]" if isinstance(part, int) else part if part in NoticeAddresses.model_fields else "[...]" for part in known
    )
    return f"{name or 'it'}: {message.removeprefix('Value error, ')}"
