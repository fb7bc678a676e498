"""A game's folder on this machine: tens of thousands of small files, a few large ones, and a log that is always written."""

import hashlib
import os
import random
import threading
from pathlib import Path

_FOLDERS = 200
_PRECIOUS = 145
_LOG_PAUSE = 0.05


class WorldTree:
    """A folder of `small` files of up to 4 KiB and `large` ones of `large_megabytes` each, with links, odd names and a live log.

    The same numbers give the same content. `stop` ends the log; the folder stays.
    """

    def __init__(self, folder: Path, *, small: int = 30_000, large: int = 3, large_megabytes: int = 32) -> None:
        self.folder = folder
        self.log = folder / "logs" / "server.log"
        source = random.Random(small)  # noqa: S311 - content, no secret
        for number in range(small):
            file = self._small(number)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(source.randbytes(64 + number % 4_000))
        for number in range(large):
            with (folder / f"region-{number}.mca").open("wb") as big:
                for _ in range(large_megabytes):
                    big.write(source.randbytes(1 << 20))
        (folder / "latest").symlink_to("chunks/000")
        os.link(self._small(0), folder / "spawn.dat")
        (folder / 'it\'s "odd"\n雪 -rf *').write_bytes(b"odd")
        self.log.parent.mkdir()
        self._stopped = threading.Event()
        self._writer = threading.Thread(target=self._write_log, daemon=True)
        self._writer.start()

    @property
    def precious(self) -> Path:
        """Return one of the small files, the one to be lost and found."""
        return self._small(_PRECIOUS)

    def digest_of_precious(self) -> str | None:
        """Return the SHA-256 of that file, None if it is not there."""
        return hashlib.sha256(self.precious.read_bytes()).hexdigest() if self.precious.exists() else None

    def stop(self) -> None:
        """End the log; stopping twice is no error."""
        self._stopped.set()
        self._writer.join()

    def _small(self, number: int) -> Path:
        return self.folder / "chunks" / f"{number % _FOLDERS:03d}" / f"c.{number}.dat"

    def _write_log(self) -> None:
        number = 0
        with self.log.open("a") as log:
            while not self._stopped.wait(_LOG_PAUSE):
                number += 1
                log.write(f"{number} players come and go\n")
                log.flush()
