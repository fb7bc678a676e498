"""Reading to the last byte over connections that break."""

import pytest

from fleetsave.model.errors import StoreError
from fleetsave.settings import Provider
from fleetsave.store.s3 import S3Store
from tests.fixtures.scripted_s3 import Answer, ScriptedS3, refusal

PLAIN = bytes(range(200))


def part(start: int, stop: int, *, etag: str = "e", asked: bool = True) -> Answer:
    """Return an answer to a GET from `start`, whose connection breaks at `stop`."""
    where = {"content-range": f"bytes {start}-199/200"} if start and asked else {}
    return Answer(206 if start else 200, {"etag": f'"{etag}"', **where}, PLAIN[start:stop], length=200 - start)


def read(*answers: Answer, offset: int = 0) -> tuple[bytes, list[str | None]]:
    scripted = ScriptedS3(Provider.PORTABLE, *answers)
    body = b"".join(S3Store(scripted.client, "backups", conditional_writes=False).read("key", offset=offset))
    return body, [range_ and range_.decode() for range_ in (request.headers.get("Range") for request in scripted.requests)]


def test_a_broken_connection_is_made_anew_where_it_broke() -> None:
    assert read(part(0, 50), part(50, 51), part(51, 200)) == (PLAIN, [None, "bytes=50-", "bytes=51-"])


def test_an_offset_is_kept_when_the_connection_breaks() -> None:
    assert read(part(20, 50), part(50, 200), offset=20) == (PLAIN[20:], ["bytes=20-", "bytes=50-"])


def test_a_connection_that_brings_nothing_again_and_again_is_an_error() -> None:
    with pytest.raises(StoreError) as broken:
        read(part(0, 50), *[part(50, 50) for _ in range(5)])
    assert broken.value.retryable


def test_an_object_replaced_on_the_way_is_never_spliced() -> None:
    with pytest.raises(StoreError, match="replaced while it was read"):
        read(part(0, 50), part(50, 200, etag="other"))


def test_a_store_that_ignores_ranges_is_found_out() -> None:
    with pytest.raises(StoreError, match="ignored the range"):
        read(part(0, 50), Answer(200, {"etag": '"e"'}, PLAIN))


def test_an_offset_at_the_end_gives_nothing() -> None:
    assert read(refusal(416, "InvalidRange"), Answer(length=200), offset=200)[0] == b""


def test_a_reader_may_stop_early() -> None:
    scripted = ScriptedS3(Provider.PORTABLE, part(0, 200))
    chunks = S3Store(scripted.client, "backups", conditional_writes=False).read("key")
    assert next(chunks) == PLAIN
    del chunks
    assert len(scripted.requests) == 1
