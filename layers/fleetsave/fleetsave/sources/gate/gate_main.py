"""The gate: what sshd runs instead of whatever the client asks for; it does the few things that captures or restores need."""

import hashlib
import json
import os
import re
import shlex
import signal
import sys
import syslog
from collections.abc import Callable
from typing import Any, NoReturn

from fleetsave.sources.agent.door_settings import ConfigurationRefusedError, is_pattern
from fleetsave.sources.gate.gate_config import GateConfiguration, as_bytes
from fleetsave.sources.gate.gate_reading import read_as_dd
from fleetsave.sources.gate.gate_requests import GateRequests
from fleetsave.sources.sqlite.server_side.ground import RefusedError

GATE_USAGE = "usage: python3 -I fleetsave_gate.py read|restore CONFIGURATION.json | --check CONFIGURATION.json"
PROBE = ["printf", "%s", "fleetsave: commands run here"]
KILLABLE = ["sh", "-c", 'echo "$$"; exec "$@"', "sh"]
LONGEST_COMMAND, LONGEST_SCRIPT, LONGEST_REQUEST = 64 << 10, 1 << 20, 4 << 20
SECONDS_TO_ASK = 60
SFTP_SERVERS = ("/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server", "/usr/lib/ssh/sftp-server")
NAMES_ALONE = "realpath,stat,lstat,opendir,readdir,close"
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "HOME": "/"}
COMMAND_MARK = "FLEETSAVE_GATE"
"""The variable by which a command is known to be what a gate has become: it holds its own process id, which no child has."""


class GateInput:
    """Standard input whose first line is the request as it was allowed; what follows is the client's."""

    def __init__(self, line: bytes, rest: Any) -> None:
        self._line = line
        self._rest = rest
        self.buffer = self

    def readline(self) -> bytes:
        """Return the next line."""
        line, self._line = self._line, b""
        return line or bytes(self._rest.readline())

    def read1(self, size: int) -> bytes:
        """Return what there is, at most `size` bytes."""
        return bytes(self._rest.read1(size))

    def fileno(self) -> int:
        """Return the descriptor, to wait for it."""
        return int(self._rest.fileno())


class Gate:
    """One call of the gate. `mode` is `read` or `restore`; `scripts` are what to run, by the SHA-256 of what is sent."""

    def __init__(
        self, mode: str, configuration: GateConfiguration, bootstrap: str, scripts: "dict[str, Callable[[], None]]"
    ) -> None:
        self._mode = mode
        self._python = ["-I", "-c", bootstrap]
        self._configuration = configuration
        self._scripts = scripts
        self._requests = GateRequests(configuration, may_restore=mode == "restore")

    def answer(self, command: str) -> None:
        """Do what was asked for. Raise RefusedError for all but what is known."""
        words = words_of(command)
        is_script = words[: len(KILLABLE)] == KILLABLE and words[len(KILLABLE) + 1 :] == self._python
        if words == PROBE:
            sys.stdout.write(PROBE[2])
        elif is_script:
            self._run_script()
        elif self._mode == "restore" and words[:-1] == [*KILLABLE, "sh", "-c"]:
            self._run_command(words[-1])
        elif words[:2] == ["kill", "-9"] and len(words) == 3:
            end_other_gate(words[2])
        elif self._mode == "read" and words[0] == "dd":
            read_as_dd(words, self._configuration.staging, self._requests)
        elif self._mode == "read" and words[0] in ("internal-sftp", *SFTP_SERVERS):
            self._tell_names()
        else:
            if words[: len(KILLABLE)] == KILLABLE:
                say_process_id()  # fleetsave then takes what follows for the command's own failure, and does not try again
            raise RefusedError("not_served", "this key runs no commands")

    def _run_script(self) -> None:
        """Run our own script with the request, if it is the very script that was sent; what was sent is never run."""
        say_process_id()
        signal.alarm(SECONDS_TO_ASK)
        stdin = sys.stdin.buffer
        length = stdin.readline(16)
        if not length.strip().isdigit() or not 0 < int(length) <= LONGEST_SCRIPT:
            raise RefusedError("bad_request", "it does not begin with the length of a script")
        script = self._scripts.get(hashlib.sha256(stdin.read(int(length))).hexdigest())
        line = stdin.readline(LONGEST_REQUEST)
        if script is None:
            reply_and_end("gate_differs", "the gate that is installed there is of another version of fleetsave")
        try:
            asked = json.loads(line.decode())
            request = self._requests.allowed(asked if isinstance(asked, dict) else {})
        except (ValueError, RecursionError):
            reply_and_end("bad_request", "it is not JSON")
        except RefusedError as refused:
            note(f"refused: {refused.reason}: {refused.cause}")
            reply_and_end(refused.reason, refused.cause)
        signal.alarm(0)
        sys.stdin = GateInput((json.dumps(request) + "\n").encode(), stdin)
        script()

    def _run_command(self, command: str) -> None:
        """Become a command of the configuration."""
        say_process_id()
        if command not in self._configuration.restores["commands"]:
            raise RefusedError("not_served", "this key may not run that command")
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # the client's words are no input of the owner's command
        environment = dict(ENVIRONMENT, **{COMMAND_MARK: str(os.getpid())})
        os.execve("/bin/sh", [b"sh", b"-c", as_bytes(command)], environment)  # noqa: S606 - it stands in the configuration

    def _tell_names(self) -> None:
        """Become an SFTP server that lists and describes files, and opens none; only a pattern needs it."""
        program = next(filter(os.path.exists, SFTP_SERVERS), None)
        if program is None or not any(map(is_pattern, self._configuration.databases)):
            raise RefusedError("not_served", "this key has no SFTP")
        os.execve(program, [program, "-R", "-p", NAMES_ALONE], ENVIRONMENT)  # noqa: S606 - no word of it is the client's


def words_of(command: str) -> "list[str]":
    """Return the words of a command as fleetsave writes it. Raise RefusedError for one that is written in any other way."""
    if not 0 < len(command) <= LONGEST_COMMAND:
        raise RefusedError("not_served", "this key has no shell")
    try:
        words = shlex.split(command)
    except ValueError:
        words = []
    if not words or " ".join(map(shlex.quote, words)) != command:
        raise RefusedError("not_served", "this key has no shell")
    return words


def end_other_gate(process: str) -> None:
    """Kill a gate of the same account with the same line, or the command that one has become; one that has ended is no error."""
    if not re.fullmatch("[0-9]{1,10}", process):
        raise RefusedError("not_served", "it is no process")
    number = int(process)
    try:
        is_ours = os.stat(f"/proc/{number}").st_uid == os.geteuid() and (
            _of_process(number, "cmdline") == _of_process(os.getpid(), "cmdline")
            or f"{COMMAND_MARK}={number}".encode() in _of_process(number, "environ").split(b"\0")
        )
        if not is_ours:
            raise RefusedError("not_served", "it is no process of this key")
        os.kill(number, signal.SIGKILL)
    except (FileNotFoundError, ProcessLookupError):
        return


def _of_process(process: int, what: str) -> bytes:
    try:
        with open(f"/proc/{process}/{what}", "rb") as file:
            return file.read()
    except PermissionError:  # it is none of ours
        return b""


def say_process_id() -> None:
    """Write the line by which this process can be ended."""
    sys.stdout.write(f"{os.getpid()}\n")
    sys.stdout.flush()


def reply_and_end(reason: str, cause: str) -> NoReturn:
    """Write a reply as the script gives it, and end."""
    sys.stdout.write(json.dumps({"fleetsave": 1, "error": reason, "cause": cause}) + "\n")
    sys.stdout.flush()
    raise SystemExit(0)


def note(text: str) -> None:
    """Write a line to the system's log."""
    syslog.openlog("fleetsave-gate", syslog.LOG_PID, syslog.LOG_AUTH)
    syslog.syslog(syslog.LOG_NOTICE, text.encode("ascii", "backslashreplace").decode())


def run_gate(arguments: "list[str]", bootstrap: str, scripts: "dict[str, Callable[[], None]]") -> None:
    """Do what the command line and SSH_ORIGINAL_COMMAND say."""
    if len(arguments) != 2 or arguments[0] not in ("read", "restore", "--check") or not sys.flags.isolated:
        raise SystemExit(GATE_USAGE)
    command = os.environb.get(b"SSH_ORIGINAL_COMMAND", b"").decode("utf-8", "surrogateescape")
    os.environ.clear()
    os.environ.update(ENVIRONMENT)
    os.chdir("/")
    try:
        configuration = GateConfiguration(arguments[1])
        if arguments[0] == "--check":
            raise SystemExit("\n".join(configuration.troubles()) or 0)
        Gate(arguments[0], configuration, bootstrap, scripts).answer(command)
    except ConfigurationRefusedError as error:
        raise SystemExit(f"fleetsave gate: {error}") from None
    except RefusedError as refused:
        note(f"refused: {refused.cause}: {command[:200]!r}")
        raise SystemExit(f"fleetsave gate: {refused.cause}") from None
    except BrokenPipeError:
        os._exit(1)  # nobody is there to be told
