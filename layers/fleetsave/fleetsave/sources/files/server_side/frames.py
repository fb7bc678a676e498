"""The wire: frames that carry an archive, each one byte of kind, the payload's length in four bytes, and the payload.

`D` carries bytes of the archive, `M` those of it that are the manifest's content, `K` nothing but that we are at work, and `E`,
the last one, the reply in JSON. What ends without `E` was cut short.
"""

import json
import struct
import threading
import time
from typing import BinaryIO

FRAME_HEADER = struct.Struct(">cI")
LARGEST_FRAME = 1 << 20
DATA_FRAME, MANIFEST_FRAME, ALIVE_FRAME, END_FRAME = b"D", b"M", b"K", b"E"
QUIET_SECONDS = 3.0
"""How long nothing may be said before we say that we are at work."""


class FrameWriter:
    """Writes frames, and says that we are at work while nothing else is said. Raise OSError if nobody reads any more."""

    def __init__(self, output: BinaryIO, *, quiet_seconds: float = QUIET_SECONDS) -> None:
        self._output = output
        self._quiet_seconds = quiet_seconds
        self._lock = threading.Lock()
        self._last = time.monotonic()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep_alive, daemon=True)

    def begin(self) -> None:
        """Tell that frames follow."""
        self._output.write(b'{"fleetsave": 1, "ok": {"stream": true}}\n')
        self._output.flush()
        self._thread.start()

    def write(self, kind: bytes, payload: bytes) -> None:
        """Write one frame."""
        with self._lock:
            self._output.write(FRAME_HEADER.pack(kind, len(payload)))
            self._output.write(payload)
            self._output.flush()
            self._last = time.monotonic()

    def end(self, reply: "dict[str, object]") -> None:
        """Write the last frame."""
        self._over.set()
        self._thread.join()
        self.write(END_FRAME, json.dumps(dict(reply, fleetsave=1), sort_keys=True).encode())

    def _keep_alive(self) -> None:
        while not self._over.wait(self._quiet_seconds / 3):
            if time.monotonic() - self._last < self._quiet_seconds:
                continue
            try:
                self.write(ALIVE_FRAME, b"")
            except (OSError, ValueError):  # nobody reads: whoever writes the next bytes is told so too
                return
