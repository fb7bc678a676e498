"""What keeps code that a dump brings along from reading our secrets: it runs in a server of our own account's."""

import ctypes
import os

_PR_SET_DUMPABLE = 4
_LIBC = ctypes.CDLL(None, use_errno=True)


def forbid_inspection() -> None:
    """Close this process to others of its account: neither its environment nor its memory nor its files can be had by /proc.

    It stays so to the end of the process; a crash leaves no core file. Raise OSError if the system refuses.
    """
    if _LIBC.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
