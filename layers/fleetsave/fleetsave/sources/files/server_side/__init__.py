"""What runs on the game server to archive folders there, a tar stream that is made while it is read, and to restore them.

Nothing is installed there, an archive writes nothing there but snapshots of SQLite databases, and the rules are those of
`fleetsave.sources.sqlite.server_side`, whose parts stand before these in the same script: Python 3.6 or later, the standard
library, paths as bytes. The request is one line of JSON; the reply is a line of JSON and, after it, frames (`frames`).

No two parts, of either package, share a name: all of them together may stand in one file.
"""

from functools import cache
from pathlib import Path

from fleetsave.sources.sqlite.server_side import assemble, packed

SQLITE_PARTS = (
    *("ground", "content", "private", "staging", "snapshot"),
    *("target", "processes", "workplace", "soundness", "delivery", "exchange"),
)
PARTS = (
    *("patterns", "frames", "tar_members", "manifest_lines", "sparse", "file_content", "archive_writer"),
    *("tree_databases", "tree_entries", "walked_folder", "tree", "archive"),
    *("tree_target", "tree_folders", "tree_workplace", "tree_expected", "tree_meta", "tree_members", "tree_unpack", "tree_check"),
    *("tree_users", "tree_exchange", "tree_chosen", "tree_swap", "tree_survey", "tree_proof", "tree_recovery", "tree_main"),
)
_HERE = Path(__file__).parent
_SQLITE = _HERE.parents[1] / "sqlite" / "server_side"


@cache
def script() -> bytes:
    """Return the whole script: the parts in order."""
    return assemble([*(_SQLITE / f"{part}.py" for part in SQLITE_PARTS), *(_HERE / f"{part}.py" for part in PARTS)])


def message(request: bytes) -> bytes:
    """Return what is sent to the bootstrap to have this script do what a request asks."""
    return packed(script(), request)
