"""A manifest is kept compressed, and one that does not fit is refused."""

import random

import pytest
import zstandard

from fleetsave.model.errors import CaptureError
from fleetsave.sources.files import packed_manifest
from fleetsave.sources.files.packed_manifest import PackedManifest


def test_the_frame_tells_the_size_of_what_is_in_it() -> None:
    manifest = PackedManifest("/srv/game")
    for _ in range(1000):
        manifest.add(b'{"path":"files/a"}\n' * 100)
    frame = manifest.frame()
    assert zstandard.frame_content_size(frame) == manifest.size == 1_900_000
    assert zstandard.decompress(frame) == b'{"path":"files/a"}\n' * 100_000


def test_an_empty_one_is_a_frame_too() -> None:
    assert zstandard.decompress(PackedManifest("/srv/game").frame()) == b""


def test_one_that_does_not_fit_into_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed_manifest, "_LARGEST_PACKED", 1 << 20)
    manifest = PackedManifest("/srv/game")
    with pytest.raises(CaptureError) as refused:
        manifest.add(random.Random(1).randbytes(4 << 20))
    assert refused.value.reason == "too_large"
