"""What is answered: each resource by one function, which is found by method and path alone."""

import base64
import json
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.utils import formatdate
from typing import Any

from fleetsave.sources.agent.door_artifacts import files_of, folder_order, full_order, listing, path_of, snapshot_order
from fleetsave.sources.agent.door_client import Client
from fleetsave.sources.agent.door_config import Configuration
from fleetsave.sources.agent.door_requests import STATUS, HttpRequest, RefusedRequestError
from fleetsave.sources.agent.door_restores import refusal_of, restore_order
from fleetsave.sources.agent.door_settings import NAME
from fleetsave.sources.agent.door_work import BLOCK, DATABASES_SCRIPT, FILES_SCRIPT, TimeIsUpError, Work

SNAPSHOT = re.compile(r"[a-z0-9_-]{1,200}", re.ASCII)
FRAMES, JSON, DATABASE_FILE = "application/vnd.fleetsave.frames", "application/json", "application/vnd.sqlite3"
BUSY_SECONDS = "15"


class Answers:
    """The answers to one client. `captures` are the places for work; who finds none free is asked to come again."""

    def __init__(self, configuration: Configuration, captures: threading.Semaphore, client: Client, request: HttpRequest) -> None:
        self._configuration = configuration
        self._captures = captures
        self._client = client
        self._request = request
        self.status = 0
        self.artifact = "-"

    def give(self) -> None:
        """Answer the request. Raise RefusedRequestError for an answer that is a status alone."""
        allowed = []
        for method, pattern, answer in RESOURCES:
            match = pattern.fullmatch(self._request.path)
            if match is None:
                continue
            if method == self._request.method:
                answer(self, *match.groups())
                return
            allowed.append(method)
        raise RefusedRequestError(405, Allow=", ".join(allowed)) if allowed else RefusedRequestError(404)

    def begin(self, status: int, **headers: str) -> None:
        """Send the head of the answer."""
        self.status = status
        self._client.send(head_of(status, headers))

    def listing(self) -> None:
        """Say what there is."""
        self._request.require_query()
        self._say(200, {"fleetsave": 1, "ok": listing(self._configuration)})

    def find(self, name: str) -> None:
        """Say whether a frozen snapshot is there whole, and how it was taken."""
        self._request.require_query()
        self._work_and_tell({"operation": "find", "name": _snapshot(name)})

    def forget(self, name: str) -> None:
        """Remove whatever is frozen under a name."""
        self._request.require_query()
        self._work_and_tell({"operation": "drop", "name": _snapshot(name)})

    def sweep(self) -> None:
        """Remove the frozen snapshots that are older than so many seconds."""
        older_than = self._request.require_query("older_than").get("older_than", "")
        if not re.fullmatch("[0-9]{1,9}", older_than):
            raise RefusedRequestError(400)
        self._work_and_tell({"operation": "sweep", "older_than": int(older_than)})

    def report(self, name: str) -> None:
        """Freeze a database, unless that is done, and say how it was."""
        self._work_and_tell(self._snapshot_order(name), bounded=True)

    def drop(self, name: str) -> None:
        """Remove a frozen snapshot; removing twice is no error."""
        order = self._snapshot_order(name)
        self._work_and_tell({"operation": "drop", "name": order["name"]})

    def database(self, name: str) -> None:
        """Give the bytes of a frozen snapshot, or a range of them; it is taken first, if need be."""
        with self._working(self._snapshot_order(name), bounded=True) as work:
            reply = work.line()
        if "error" in reply:
            self._say(409, reply)
            return
        report = reply["ok"]
        try:
            descriptor = os.open(report["path"], os.O_RDONLY | os.O_NOFOLLOW)
        except FileNotFoundError:  # swept between the two
            raise RefusedRequestError(503, Retry_After=BUSY_SECONDS) from None
        with open(descriptor, "rb", buffering=0) as file:
            self._send_file(file, report, '"{}"'.format(report["snapshot_id"]))

    def _send_file(self, file: Any, report: "dict[str, Any]", etag: str) -> None:
        size = int(report["size"])
        chosen = self._request.byte_range(size, etag)
        start, end = chosen or (0, size)
        digest = base64.b64encode(bytes.fromhex(report["sha256"])).decode()
        headers = {"Content_Type": DATABASE_FILE, "Content_Length": str(end - start), "ETag": etag, "Accept_Ranges": "bytes"}
        headers["Repr_Digest"] = f"sha-256=:{digest}:"  # of the whole, whatever the range (RFC 9530)
        if chosen is not None:
            headers["Content_Range"] = f"bytes {start}-{end - 1}/{size}"
        self.begin(200 if chosen is None else 206, **headers)
        file.seek(start)
        while start < end and self._request.method == "GET":
            block = file.read(min(BLOCK, end - start))
            if not block:
                return  # fewer bytes than were promised: the client sees that the connection ends too early
            self._client.send(block)
            start += len(block)

    def folder(self, name: str) -> None:
        """Stream an archive of a folder, as the script writes it."""
        folder = self._known(self._configuration.folders, name)
        self._stream(folder_order(self._configuration, folder, self._snapshot_name()))

    def full(self) -> None:
        """Stream an archive of everything."""
        if not self._configuration.full:
            raise RefusedRequestError(404)
        self.artifact = "full"
        self._stream(full_order(self._configuration, self._snapshot_name()))

    def _stream(self, order: "dict[str, Any]") -> None:
        with self._working(order, bounded=True, script=FILES_SCRIPT) as work:
            self.begin(200, Content_Type=FRAMES, Transfer_Encoding="chunked")
            try:
                for block in work.output():
                    if block:
                        self._chunk(block)
            except TimeIsUpError:
                return  # no last chunk and no last frame: the client sees that it is cut short
            if work.has_succeeded():
                self._client.send(b"0\r\n\r\n")

    def restore(self, kind: str, name: str, operation: str) -> None:
        """Pass one step of a restore on to the script, its target being what the configuration says, and nothing else."""
        is_database = kind == "database"
        artifact = self._known(self._configuration.databases if is_database else self._configuration.folders, name)
        self._request.require_query()
        if not self._request.has_body:
            raise RefusedRequestError(400)
        asked, given = self._request.order_and_input()
        refused = refusal_of(artifact, files_of(artifact) if is_database else [artifact["path"]], asked)
        if refused is not None:
            self._say(200, refused)
            return
        order = dict(restore_order(artifact, asked), operation=operation, staging=self._configuration.staging)
        is_upload = operation.endswith("_receive")
        if not is_upload and any(given):
            raise RefusedRequestError(400)
        script = DATABASES_SCRIPT if is_database else FILES_SCRIPT
        with self._working(order, bounded=not is_upload, script=script, must_finish=True) as work:
            work.takes_input = is_upload
            self.begin(200, Content_Type=JSON, Transfer_Encoding="chunked")
            reply = work.line(self._keep_alive)
            if is_upload and "ready" in (reply.get("ok") or {}):
                self._tell(reply)
                all(work.write(block) for block in given)
                work.end_input()
                reply = work.line(self._keep_alive)
            self._tell(reply)
            self._client.send(b"0\r\n\r\n")

    def _known(self, artifacts: "dict[str, dict[str, Any]]", name: str) -> "dict[str, Any]":
        if name not in artifacts:
            raise RefusedRequestError(404)
        self.artifact = name
        return artifacts[name]

    def _snapshot_order(self, name: str) -> "dict[str, Any]":
        database = self._known(self._configuration.databases, name)
        query = self._request.require_query("snapshot", "file")
        path = path_of(database, query.get("file"))
        return snapshot_order(self._configuration, database, path, _snapshot(query.get("snapshot", "")))

    def _snapshot_name(self) -> str:
        return _snapshot(self._request.require_query("snapshot").get("snapshot", ""))

    @contextmanager
    def _working(
        self, order: "dict[str, Any]", *, bounded: bool, script: str = DATABASES_SCRIPT, must_finish: bool = False
    ) -> "Iterator[Work]":
        """Lend a process for the order; of those that are `bounded` only so many may be at work at once."""
        if bounded and not self._captures.acquire(blocking=False):
            raise RefusedRequestError(503, Retry_After=BUSY_SECONDS)
        try:
            seconds = self._configuration.limits["seconds_per_request"]
            try:
                work = Work(order, self._client, seconds, script=script, must_finish=must_finish)
            except OSError:  # the system has no process, or no descriptor, for us now
                raise RefusedRequestError(503, Retry_After=BUSY_SECONDS) from None
            try:
                yield work
            finally:
                work.end()
        finally:
            if bounded:
                self._captures.release()

    def _work_and_tell(self, order: "dict[str, Any]", *, bounded: bool = False) -> None:
        """Send the script's reply; new lines before it, while it is at work, show each side that the other is there."""
        with self._working(dict(order, staging=self._configuration.staging), bounded=bounded) as work:
            self.begin(200, Content_Type=JSON, Transfer_Encoding="chunked")
            self._tell(work.line(self._keep_alive))
            self._client.send(b"0\r\n\r\n")

    def _tell(self, reply: "dict[str, Any]") -> None:
        self._chunk((json.dumps(reply) + "\n").encode())

    def _keep_alive(self) -> None:
        self._chunk(b"\n")

    def _chunk(self, data: bytes) -> None:
        self._client.send(b"%x\r\n%s\r\n" % (len(data), data))

    def _say(self, status: int, reply: "dict[str, Any]") -> None:
        body = (json.dumps(reply) + "\n").encode()
        self.begin(status, Content_Type=JSON, Content_Length=str(len(body)))
        if self._request.method != "HEAD":
            self._client.send(body)


def head_of(status: int, headers: "dict[str, str]") -> bytes:
    """Return the head of an answer: nothing of it may be kept anywhere, and the connection ends with it."""
    lines = [f"HTTP/1.1 {status} {STATUS[status]}", f"Date: {formatdate(usegmt=True)}", "Connection: close"]
    lines += ["Cache-Control: no-store", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def refuse(client: Client, refused: RefusedRequestError) -> None:
    """Answer with a status alone."""
    client.send(head_of(refused.status, dict(refused.headers, Content_Length="0")))


def _snapshot(name: str) -> str:
    if not SNAPSHOT.fullmatch(name):
        raise RefusedRequestError(400)
    return name


ARTIFACT = f"({NAME.pattern})"
RESOURCES: "list[tuple[str, re.Pattern[str], Callable[..., None]]]" = [
    (method, re.compile(pattern, re.ASCII), answer)
    for method, pattern, answer in (
        ("GET", "/backup/", Answers.listing),
        ("DELETE", "/backup/snapshots", Answers.sweep),
        ("GET", "/backup/snapshots/([a-z0-9_-]{1,200})", Answers.find),
        ("DELETE", "/backup/snapshots/([a-z0-9_-]{1,200})", Answers.forget),
        ("GET", f"/backup/database/{ARTIFACT}/report", Answers.report),
        ("GET", f"/backup/database/{ARTIFACT}", Answers.database),
        ("HEAD", f"/backup/database/{ARTIFACT}", Answers.database),
        ("DELETE", f"/backup/database/{ARTIFACT}", Answers.drop),
        ("GET", f"/backup/files/{ARTIFACT}", Answers.folder),
        ("GET", "/backup/full/full", Answers.full),
        ("POST", f"/restore/(database|files)/{ARTIFACT}/((?:restore|tree)_[a-z_]{{1,40}})", Answers.restore),
    )
]
