"""A webhook on the loopback address, which keeps the notices it is sent as a chat or a pager would show them."""

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self


@dataclass(frozen=True)
class Received:
    """One notice as it arrived."""

    subject: str
    body: str


class Webhook:
    """Takes what Apprise posts to a `json://` address."""

    def __init__(self) -> None:
        received: list[Received] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                received.append(Received(str(content["title"]), str(content["message"])))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parent's argument
                """Say nothing: what arrives is shown by who waits for it."""

        self._received = received
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, name="webhook", daemon=True)

    @property
    def address(self) -> str:
        """Return where notices are to be sent, as Apprise writes it."""
        return f"json://127.0.0.1:{self._server.server_address[1]}/"

    @property
    def received(self) -> Sequence[Received]:
        """Return what has arrived, in order."""
        return tuple(self._received)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
