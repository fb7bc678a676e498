"""What a provider turns away, and what is said of it."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from fleetsave.model.errors import AccessDeniedError, ObjectNotFoundError, StoreError
from fleetsave.store.base import ObjectStore


@dataclass(frozen=True)
class Refused:
    """The same provider, seen by those it should turn away."""

    missing_bucket: ObjectStore
    wrong_secret: ObjectStore
    no_rights: ObjectStore


class Refusals:
    """What a provider turns away is said to be so, with what to do about it."""

    @pytest.mark.parametrize(
        "call", ["put", "head", "get", "read", "list", "folders", "files", "delete", "begin_upload", "list_uploads", "now"]
    )
    def test_a_missing_bucket_is_named_and_is_no_missing_object(self, refused: Refused, call: str) -> None:
        with pytest.raises(StoreError) as error:
            _call(refused.missing_bucket, call)
        assert not isinstance(error.value, ObjectNotFoundError)
        assert not error.value.retryable
        assert "FLEETSAVE_BUCKET" in error.value.hint

    @pytest.mark.parametrize("call", ["put", "head", "get", "list", "delete", "begin_upload"])
    def test_a_wrong_secret_is_access_denied(self, refused: Refused, call: str) -> None:
        with pytest.raises(AccessDeniedError) as error:
            _call(refused.wrong_secret, call)
        assert not error.value.retryable
        assert "FLEETSAVE_STORE_SECRET" in error.value.hint

    @pytest.mark.parametrize("call", ["put", "head", "get", "list", "delete", "begin_upload"])
    def test_an_identity_without_rights_is_access_denied(self, refused: Refused, call: str) -> None:
        with pytest.raises(AccessDeniedError):
            _call(refused.no_rights, call)


def _call(store: ObjectStore, call: str) -> None:
    calls: dict[str, Callable[[], object]] = {
        "put": lambda: store.put("key", b"content"),
        "head": lambda: store.head("key"),
        "get": lambda: store.get("key"),
        "read": lambda: list(store.read("key", offset=3)),
        "list": lambda: list(store.list("prefix")),
        "folders": lambda: list(store.folders("prefix")),
        "files": lambda: list(store.files("prefix")),
        "delete": lambda: store.delete("key"),
        "begin_upload": lambda: store.begin_upload("key"),
        "list_uploads": lambda: list(store.list_uploads("prefix")),
        "now": store.now,
    }
    calls[call]()
