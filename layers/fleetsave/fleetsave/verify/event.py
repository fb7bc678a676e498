"""The messages of the verify queue: an object was created, or a person asks for one backup to be read again."""

from dataclasses import dataclass
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import from_json

from fleetsave.model.errors import InvalidInputError
from fleetsave.model.keys import BackupKey, RecordName, parse_beside_key, parse_record_key
from fleetsave.model.messages import problems_of


@dataclass(frozen=True)
class Request:
    """One backup to verify; `force` reads it again even if it has been judged."""

    key: BackupKey
    force: bool


class _Bucket(BaseModel):
    name: str


class _Object(BaseModel):
    key: str


class _Detail(BaseModel):
    bucket: _Bucket
    object: _Object


class _Created(BaseModel):
    """Amazon S3's own "Object Created" by way of EventBridge, or the collector's announcement, which copies it."""

    detail_type: Literal["Object Created"] = Field(alias="detail-type")
    detail: _Detail


class _ByHand(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    key: str
    force: bool = False


_M = TypeVar("_M", _Created, _ByHand)


def parse_event(body: str, bucket: str) -> Request | None:
    """Return the backup a message is about: the one whose object, or whose `stored.json`, was created in `bucket`.

    None for what stands beside a backup, which is judged with it. Keys stand in EventBridge's events as they are, not
    URL-encoded. Raise InvalidInputError for every other message.
    """
    try:
        message = from_json(body)
    except ValueError as error:
        raise _refused(f"it is not JSON: {error}") from None
    if isinstance(message, dict) and "detail-type" in message:
        detail = _read(_Created, message).detail
        if detail.bucket.name != bucket:
            raise _refused(f"it is about bucket {detail.bucket.name[:100]!r}, not {bucket!r}")
        key = detail.object.key
        return None if parse_beside_key(key) else Request(_backup_key(key), force=False)
    by_hand = _read(_ByHand, message)
    return Request(_backup_key(by_hand.key), force=by_hand.force)


def _read(form: type[_M], message: object) -> _M:
    try:
        return form.model_validate(message)
    except ValidationError as error:
        raise _refused(problems_of(error)) from None


def _backup_key(text: str) -> BackupKey:
    if not text.startswith("catalog/"):
        return BackupKey.parse(text)
    key, record = parse_record_key(text)
    if record is not RecordName.STORED:
        raise _refused(f"{text[:200]!r} is not a record that asks for verification")
    return key


def _refused(cause: str) -> InvalidInputError:
    hint = "The rule and the collector send objects and their stored.json (template.yaml)."
    return InvalidInputError("read verify event", "verify message", cause, hint)
