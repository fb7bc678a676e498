"""The artifact names of the files that a pattern matches: the same on the server and on our side."""

import hashlib
import re
from pathlib import PurePosixPath

from fleetsave.sources.agent.door_settings import MAGIC

HASHED_NAME = re.compile(r"-[0-9a-f]{12}$")
HASH_LENGTH = 12
LONGEST_NAME = 63


def name_of_match(name: str, pattern: str, path: str) -> str:
    """Return the artifact name of one file that `pattern` matched; it follows from the path alone, and no two paths share one.

    Where the file's stem cannot stand for the whole path, a hash of the path follows it.
    """
    stem = PurePosixPath(path).stem
    whole = f"{name}-{stem}"
    if slug(stem) == stem and len(whole) <= LONGEST_NAME and not HASHED_NAME.search(whole) and stem_tells_path(pattern, path):
        return whole
    digest = hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()[:HASH_LENGTH]
    shortened = slug(stem)[: max(0, LONGEST_NAME - len(name) - HASH_LENGTH - 2)]
    return "-".join(part for part in (name, shortened, digest) if part)


def slug(text: str) -> str:
    """Return the text in small letters, digits, `_` and `-`, with one `-` for each run of other characters."""
    return re.sub(r"[^a-z0-9_]+", "-", text.lower()).strip("-")


def stem_tells_path(pattern: str, path: str) -> bool:
    """Tell whether the pattern leaves only the stem open: same folder, same ending, for all that it matches."""
    suffix, folder = PurePosixPath(pattern).suffix, str(PurePosixPath(pattern).parent)
    same = PurePosixPath(path).suffix == suffix and str(PurePosixPath(path).parent) == folder
    return same and not MAGIC.search(suffix + folder)
