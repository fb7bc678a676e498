"""What a client may say of a restore in its own words: no path that leads anywhere, and no SQL."""

RESTORE_FIELDS = {
    "recovery": str,
    "sha256": str,
    "size": int,
    "offset": int,
    "method": str,
    "keep_aside": bool,
    # Of folders: how much there is, and which paths in the folder are meant; the script lets none of them lead out of it.
    "content_size": int,
    "expected_size": int,
    "entries": int,
    "paths": list,
    "chosen": list,
    "away": list,
}
"""What a client alone may say; anything else in its order stays behind."""
