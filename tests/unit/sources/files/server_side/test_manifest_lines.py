"""The manifest comes out as it went in, however large it grew."""

import hashlib
import json

from hypothesis import given
from hypothesis import strategies as st

from fleetsave.sources.files.server_side.manifest_lines import ManifestLines


@given(st.lists(st.dictionaries(st.text(), st.one_of(st.integers(), st.text()))), st.integers(1, 5000))
def test_pieces_are_all_that_was_added(added: list[dict[str, object]], largest: int) -> None:
    lines = ManifestLines("0" * 32)
    for values in added:
        lines.add(values)
    sha256, size = lines.sha256, lines.size
    text = b"".join(lines.pieces(largest))
    assert [json.loads(line) for line in text.splitlines()] == [{"fleetsave_manifest": 1, "snapshot_id": "0" * 32}, *added]
    assert (hashlib.sha256(text).hexdigest(), len(text)) == (sha256, size)
    assert text.isascii()


def test_no_piece_is_larger_than_asked() -> None:
    lines = ManifestLines("0" * 32)
    for number in range(20_000):
        lines.add({"path": f"files/world/region {number}"})
    sizes = [len(piece) for piece in lines.pieces(4096)]
    assert sum(sizes) == lines.size
    assert max(sizes) <= 4096
