"""Where the data of a file with holes lies."""

import errno
import os

from fleetsave.sources.files.server_side.tar_members import LARGEST_SPARSE

MOST_SEGMENTS = 1 << 16
"""A file in more pieces is archived with its holes as zeros."""


def data_segments(descriptor: int, status: "os.stat_result") -> "list[tuple[int, int]] | None":
    """Return offset and length of each stretch of data of an open file; None if it has no holes, or none that can be told."""
    size = status.st_size
    if not hasattr(os, "SEEK_DATA") or not size or status.st_blocks * 512 >= size:
        return None
    try:
        segments = _stretches(descriptor, size)
    except OSError:  # the file system does not know
        return None
    stored = sum(length for _, length in segments)
    if stored == size or len(segments) > MOST_SEGMENTS or stored > LARGEST_SPARSE - (MOST_SEGMENTS << 6):
        return None
    return segments


def _stretches(descriptor: int, size: int) -> "list[tuple[int, int]]":
    segments = []  # type: list[tuple[int, int]]
    position = 0
    while position < size and len(segments) <= MOST_SEGMENTS:
        try:
            start = os.lseek(descriptor, position, os.SEEK_DATA)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            break  # nothing but a hole follows
        end = min(size, os.lseek(descriptor, start, os.SEEK_HOLE))
        if start >= end:
            break
        segments.append((start, end - start))
        position = end
    return segments
