"""The door: TLS, the limits on clients, the token, one line of log for each request, and the command line."""

import hashlib
import hmac
import secrets
import selectors
import signal
import socket
import ssl
import sys
import threading
import time
from typing import Any

from fleetsave.sources.agent.door_answers import Answers, refuse
from fleetsave.sources.agent.door_client import Client, ClientGoneError
from fleetsave.sources.agent.door_config import Configuration
from fleetsave.sources.agent.door_requests import HttpRequest, RefusedRequestError
from fleetsave.sources.agent.door_settings import ConfigurationRefusedError
from fleetsave.sources.agent.door_work import kill_all

USAGE = "usage: fleetsave_agent.py CONFIGURATION.json | --check CONFIGURATION.json | --new-token"
WAITING_FOR_EACH = 8
"""How many connections may be open for each that may be served: the others are told to come again."""
MOST_ADDRESSES = 10000


class Door:
    """Listens, and gives each client a thread of its own, of which there are never more than the limits say."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._limits = configuration.limits
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._context.load_cert_chain(configuration.certificate, configuration.key)
        self._serving = threading.BoundedSemaphore(self._limits["connections"])
        self._captures = threading.BoundedSemaphore(self._limits["captures"])
        self._clients = {}  # type: dict[threading.Thread, Client]
        self._recent = {}  # type: dict[str, list[float]]
        family = socket.AF_INET6 if ":" in configuration.address else socket.AF_INET
        self._listener = socket.socket(family, socket.SOCK_STREAM)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((configuration.address, configuration.port))
        self._listener.listen(128)
        self._listener.settimeout(0)

    def serve(self) -> None:
        """Take in clients, and cut off those whose time is up, until the process ends."""
        say(f"listening on {self._configuration.address} port {self._configuration.port}")
        waiting = selectors.DefaultSelector()
        waiting.register(self._listener, selectors.EVENT_READ)
        while True:
            ready = waiting.select(0.5)
            now = time.monotonic()
            for thread, client in list(self._clients.items()):
                if not thread.is_alive():
                    del self._clients[thread]
                elif now > client.until:
                    client.cut()
            if ready:
                self._take_in()

    def _take_in(self) -> None:
        try:
            raw, address = self._listener.accept()
        except OSError as error:  # it left again, or there are no descriptors for the moment
            say(f"accept: {error.strerror}")
            time.sleep(0.5)
            return
        if len(self._clients) >= self._limits["connections"] * WAITING_FOR_EACH:
            raw.close()
            return
        try:
            client = Client(raw, address[0], self._limits, self._context)
        except OSError:  # it has left already
            raw.close()
            return
        thread = threading.Thread(target=self._attend, args=(client,), daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the system has no more threads for us now
            client.close(unread=False)
            return
        self._clients[thread] = client

    def _attend(self, client: Client) -> None:
        unread = True
        try:
            client.shake_hands()
            unread = self._serve(client)
        except (ClientGoneError, OSError):
            unread = False
        finally:
            client.close(unread=unread)

    def _serve(self, client: Client) -> bool:
        """Serve one request, and tell whether some of it may be unread."""
        begun, method, answers = time.monotonic(), "-", None  # type: float, str, Answers | None
        status, unread = 0, True
        try:
            request = HttpRequest(client)
            method = request.method
            self._require_pace(client.address)
            self._require_token(request)
            answers = Answers(self._configuration, self._captures, client, request)
            self._answer(client, answers)
            unread = request.has_body
        except RefusedRequestError as refused:
            status = refused.status
            if answers is None or not answers.status:
                client.grant(self._limits["idle_seconds"])
                refuse(client, refused)
        finally:
            status = (answers and answers.status) or status
            seconds = time.monotonic() - begun
            say(f"{client.address} {method} {answers.artifact if answers else '-'} {status} {client.sent} bytes {seconds:.2f} s")
        return unread

    def _answer(self, client: Client, answers: Answers) -> None:
        if not self._serving.acquire(blocking=False):
            raise RefusedRequestError(503, Retry_After="5")
        try:
            client.grant(self._limits["seconds_per_request"])
            answers.give()
        finally:
            self._serving.release()

    def _require_pace(self, address: str) -> None:
        now = time.monotonic()
        recent = [at for at in self._recent.get(address, []) if at > now - 60]
        if len(recent) >= self._limits["requests_per_minute"]:
            raise RefusedRequestError(429, Retry_After=str(int(recent[0] + 61 - now)))
        if len(self._recent) > MOST_ADDRESSES:
            self._recent.clear()
        self._recent[address] = [*recent, now]

    def _require_token(self, request: HttpRequest) -> None:
        """Let in the token for reading, or, for restores, the other one. Nothing is told to anybody else."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        digest = hashlib.sha256(token.encode()).hexdigest()
        may_read = hmac.compare_digest(digest, self._configuration.read_token_sha256)
        restores = self._configuration.restore_token_sha256
        may_restore = hmac.compare_digest(digest, restores or "") and restores is not None
        if scheme.lower() != "bearer" or not (may_read or may_restore):
            raise RefusedRequestError(401, WWW_Authenticate="Bearer")
        is_restore = request.path.startswith("/restore/")
        if is_restore and restores is None:
            raise RefusedRequestError(404)
        if not (may_restore if is_restore else may_read):
            raise RefusedRequestError(403)


def say(line: str) -> None:
    """Write one line of log."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def _end(*_signal: Any) -> None:
    kill_all()
    raise SystemExit(0)


def run_agent(arguments: "list[str]") -> None:
    """Do what the command line says."""
    if arguments == ["--new-token"]:
        token = secrets.token_urlsafe(32)
        print(f"token, for the secret:          {token}")
        print(f"SHA-256, for the configuration: {hashlib.sha256(token.encode()).hexdigest()}")
        return
    check = arguments[:1] == ["--check"]
    if len(arguments) != 1 + check or arguments[-1].startswith("-"):
        raise SystemExit(USAGE)
    try:
        door = Door(Configuration(arguments[-1]))
    except (ConfigurationRefusedError, OSError) as error:  # ssl's errors among them
        raise SystemExit(f"fleetsave agent: {error}") from None
    if check:
        return
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, _end)
    door.serve()
