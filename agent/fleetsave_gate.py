#!/usr/bin/env python3
"""fleetsave's gate: lets a key for captures, or for restores, do just that on this server (docs/server-account.md).

What to read. Part one, the gate, is all that judges what a client asks for:

- settings: How a configuration is read: JSON that is ours alone, each setting known by name and judged, and nothing else in it.
- fields: What a client may say of a restore in its own words: no path that leads anywhere, and no SQL.
- config: What a key may be used for: the gate's configuration, which none but root, or the account itself, may have written.
- requests: What may be asked of the script: requests built anew, with each path and each SQL compared with the configuration.
- reading: What of a file may be read: frozen snapshots of this account, and databases while a transaction over them is held.
- main: The gate: what sshd runs instead of whatever the client asks for; it does the few things that captures or restores need.

Part two are the scripts that fleetsave sends over SSH where there is no gate, to the letter: snapshots and restores of SQLite
databases, and archives of folders. They are run with requests that part one has allowed.

This file is made by `python -m fleetsave.sources.gate`; change it there.
"""


# ---- settings ----

"""How a configuration is read: JSON that is ours alone, each setting known by name and judged, and nothing else in it."""

import json
import os
import re
import stat
from typing import Any

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}", re.ASCII)
MAGIC = re.compile(r"[*?\[]")


class ConfigurationRefusedError(Exception):
    """The configuration cannot be used; the text says where and why."""


def is_string(value: Any) -> bool:
    """Tell whether it is a text that says something."""
    return isinstance(value, str) and value != "" and "\0" not in value


def is_path(value: Any) -> bool:
    """Tell whether it is an absolute path."""
    return is_string(value) and value.startswith("/")


def is_inner_pattern(value: Any) -> bool:
    """Tell whether it is a pattern of paths below a folder."""
    return is_string(value) and not any(name in ("", ".", "..") for name in value.split("/"))


def is_name(value: Any) -> bool:
    """Tell whether it can name an artifact."""
    return isinstance(value, str) and NAME.fullmatch(value) is not None


def is_count(value: Any) -> bool:
    """Tell whether it is a whole number above 0."""
    return type(value) is int and 0 < value < 1 << 60


def is_seconds(value: Any) -> bool:
    """Tell whether it is a number of seconds, a day of them at most."""
    return type(value) in (int, float) and 0 < value <= 86400


def are_patterns(value: Any) -> bool:
    """Tell whether it is a list of patterns."""
    return isinstance(value, list) and all(map(is_inner_pattern, value))


def are_checks(value: Any) -> bool:
    """Tell whether it is SQL by names."""
    return isinstance(value, dict) and all(is_name(name) and is_string(sql) for name, sql in value.items())


def is_pattern(entry: "dict[str, Any]") -> bool:
    """Tell whether the path of a configured database or folder may mean several."""
    return not entry["literal"] and MAGIC.search(entry["path"]) is not None


REQUIRED = object()

# How a setting is judged, and what it should be, in words.
A_PATH = (is_path, "an absolute path")
A_NAME = (is_name, "small letters, digits, _ and -, at most 63")
SECONDS = (is_seconds, "seconds, at most a day")
A_NUMBER = (is_count, "a number")
A_FLAG = (lambda value: type(value) is bool, "true or false")
A_LIST = (lambda value: isinstance(value, list), "a list")
AN_OBJECT = (lambda value: isinstance(value, dict), "an object")
CHECKS = (are_checks, "an object of names and SQL")
PATTERNS = (are_patterns, "a list of patterns without /, . and .. at their ends")


def read_settings(path: str) -> Any:
    """Return what a file of JSON says. Raise ConfigurationRefusedError if it is none."""
    try:
        with open(path, "rb") as file:
            text = file.read()
        return json.loads(text.decode(), object_pairs_hook=_object, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ConfigurationRefusedError(f"{path} is not JSON: {error}") from None
    except OSError as error:
        raise ConfigurationRefusedError(f"{path}: {error.strerror}") from None


def require_file(path: str, *, forbidden: int = 0) -> None:
    """Raise ConfigurationRefusedError unless it is a file and, if others must not have `forbidden` rights, ours or root's."""
    try:
        status = os.stat(path)
    except OSError as error:
        raise ConfigurationRefusedError(f"{path}: {error.strerror}") from None
    if not stat.S_ISREG(status.st_mode):
        raise ConfigurationRefusedError(f"{path} is not a file")
    if forbidden and (status.st_mode & forbidden or status.st_uid not in (0, os.geteuid())):
        raise ConfigurationRefusedError(
            f"{path} is open to others, or is another's: chown it to root or to this account, and chmod {0o666 & ~forbidden:o}"
        )


def _object(pairs: "list[tuple[str, Any]]") -> "dict[str, Any]":
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ConfigurationRefusedError("a key stands twice in one object")
    return found


def _refuse_constant(text: str) -> Any:
    raise ValueError(f"{text} is no number")


def checked(fields: "dict[str, tuple[Any, Any, str]]", given: Any, where: str) -> "dict[str, Any]":
    """Return every field with its value. Raise ConfigurationRefusedError for one that is unknown, missing or wrong."""
    if not isinstance(given, dict):
        raise ConfigurationRefusedError(f"{where.rstrip('.') or 'the configuration'}: it must be an object")
    unknown = sorted(set(given) - set(fields))
    if unknown:
        raise ConfigurationRefusedError(f"{where}{unknown[0]}: there is no such setting")
    values = {}
    for name, (default, is_right, words) in fields.items():
        value = given.get(name, default)
        if value is REQUIRED:
            raise ConfigurationRefusedError(f"{where}{name}: it is missing; give {words}")
        if name in given and not is_right(value):
            raise ConfigurationRefusedError(f"{where}{name}: it must be {words}")
        values[name] = value
    return values



# ---- fields ----

"""What a client may say of a restore in its own words: no path that leads anywhere, and no SQL."""

from typing import Any

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


def said_of_restore(asked: "dict[str, Any]") -> "dict[str, Any] | None":
    """Return of an order what is the client's to say, None if some of it is of another type than it should be."""
    said = {field: asked[field] for field in RESTORE_FIELDS if field in asked}
    return said if all(type(value) is RESTORE_FIELDS[field] for field, value in said.items()) else None



# ---- config ----

"""What a key may be used for: the gate's configuration, which none but root, or the account itself, may have written."""

import fnmatch
import os
from itertools import takewhile
from typing import Any



def is_plain_path(value: Any) -> bool:
    """Tell whether it is an absolute path whose names all stand for themselves: none is empty, `.` or `..`."""
    return is_path(value) and not any(name in ("", ".", "..") for name in value.split("/")[1:])


PLAIN_PATH = (is_plain_path, "an absolute path without //, . and .. in it")
GATE = {
    "staging": (REQUIRED, *PLAIN_PATH),
    "databases": ([], *A_LIST),
    "folders": ([], *A_LIST),
    "restores": ({}, *AN_OBJECT),
}  # type: dict[str, tuple[Any, Any, str]]

GATE_DATABASE = {
    "path": (REQUIRED, *PLAIN_PATH),
    "literal": (False, *A_FLAG),
    "checks": ({}, *CHECKS),
    "deadline": (900, *SECONDS),
    "lock_limit": (60, *SECONDS),
    "restore": (False, *A_FLAG),
}  # type: dict[str, tuple[Any, Any, str]]

GATE_FOLDER = {
    "path": (REQUIRED, *PLAIN_PATH),
    "literal": (False, *A_FLAG),
    "exclude": ([], *PATTERNS),
    "deadline": (900, *SECONDS),
    "restore": (False, *A_FLAG),
    "links_out": (False, *A_FLAG),
}  # type: dict[str, tuple[Any, Any, str]]

GATE_RESTORES = {
    "new_in": ([], lambda value: isinstance(value, list) and all(map(is_plain_path, value)), "a list of paths"),
    "commands": ([], lambda value: isinstance(value, list) and all(map(is_string, value)), "a list of commands"),
    "deadline": (3600, *SECONDS),
}  # type: dict[str, tuple[Any, Any, str]]


class GateConfiguration:
    """What the server's owner allows. Raise ConfigurationRefusedError for a file that others may write, or anything odd in it."""

    def __init__(self, path: str) -> None:
        require_file(path, forbidden=0o022)
        values = checked(GATE, read_settings(path), "")
        self.staging = values["staging"]  # type: str
        self.databases = [checked(GATE_DATABASE, one, "databases.") for one in values["databases"]]
        self.folders = [checked(GATE_FOLDER, one, "folders.") for one in values["folders"]]
        self.restores = checked(GATE_RESTORES, values["restores"], "restores.")

    def troubles(self) -> "list[str]":
        """Return what stands in the way of this account's captures, a sentence for each thing."""
        found = []
        try:
            require_private(as_bytes(self.staging), 0o022, "unsafe_staging")
        except RefusedError as refused:
            found.append(refused.cause)
        except OSError as error:
            found.append(f"{self.staging}: {error.strerror}")
        for entry in [{"path": self.staging, "literal": True}, *self.databases, *self.folders]:
            fixed = fixed_part(entry)
            if real_path(fixed) != fixed:
                found.append(f"{entry['path']} leads elsewhere: write its real path")
            elif not os.access(as_bytes(fixed), os.R_OK | (os.X_OK if os.path.isdir(as_bytes(fixed)) else 0)):
                found.append(f"{fixed} is not there, or this account may not read it")
        return found


def as_bytes(path: str) -> bytes:
    """Return a path as the system has it; no locale, which the client may choose, has a say."""
    return path.encode("utf-8", "surrogateescape")


def real_path(path: str) -> str:
    """Return where a path leads, all symbolic links resolved."""
    return os.path.realpath(as_bytes(path)).decode("utf-8", "surrogateescape")


def fixed_part(entry: "dict[str, Any]") -> str:
    """Return the path of an entry or, if it is a pattern, the folder before its first name with `*`, `?` or `[`."""
    if not is_pattern(entry):
        return str(entry["path"])
    return "/".join(takewhile(lambda name: not MAGIC.search(name), entry["path"].split("/"))) or "/"


def meant_by(entry: "dict[str, Any]", real: str) -> bool:
    """Tell whether an entry means a path; `real` has no symbolic links.

    As in the fleet file, `*` never crosses `/`, and a name that begins with a dot is meant only where the dot is written.
    """
    names, patterns = real.split("/"), entry["path"].split("/")
    if not is_pattern(entry):
        return bool(names == patterns)
    return len(names) == len(patterns) and all(map(_name_is_meant, names, patterns))


def _name_is_meant(name: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(name, pattern) and (pattern.startswith(".") or not name.startswith("."))



# ---- requests ----

"""What may be asked of the script: requests built anew, with each path and each SQL compared with the configuration."""

from typing import Any


CAPTURES = ("snapshot", "hold", "pair")
HOUSEKEEPING = ("probe", "find", "drop", "sweep")
DATABASE_RESTORES, FOLDER_RESTORES = "restore_", "tree_"
LONGEST_AGE = 1 << 31


class GateRequests:
    """Judges requests of one key: for captures or, with `may_restore`, for restores alone. Raise RefusedError for all others.

    Nothing of a request goes on but what is known here; the staging folder and the limits are the configuration's.
    """

    def __init__(self, configuration: GateConfiguration, *, may_restore: bool) -> None:
        self._configuration = configuration
        self._may_restore = may_restore

    def allowed(self, asked: "dict[str, Any]") -> "dict[str, Any]":
        """Return the request that the script is given."""
        operation = asked.get("operation")
        if self._may_restore:
            request = self._restore(operation, asked) if isinstance(operation, str) else None
        elif operation in CAPTURES:
            request = dict(self._capture(asked), name=_typed(asked.get("name", ""), str))
        elif operation in HOUSEKEEPING:
            request = {"name": _typed(asked.get("name", ""), str), "older_than": _age(asked.get("older_than", 0))}
        else:
            request = self._archive(asked) if operation == "archive" else None
        if request is None:
            raise RefusedError("not_served", f"this key may not ask for {operation!r}"[:200])
        return dict(request, operation=operation, staging=self._configuration.staging)

    def readable(self, path: str) -> bool:
        """Tell whether a path is that of a database, or of what lies beside one."""
        for suffix in ("", "-wal", "-journal"):
            main = path[: len(path) - len(suffix)]
            is_real = path.endswith(suffix) and is_plain_path(main) and real_path(main) == main
            if is_real and any(meant_by(entry, main) for entry in self._configuration.databases):
                return True
        return False

    def _capture(self, asked: "dict[str, Any]") -> "dict[str, Any]":
        path, limits = asked.get("path"), {name: _seconds(asked.get(name, 60)) for name in ("deadline", "lock_limit")}
        entry = self._entry(self._configuration.databases, path)
        limits = {name: min(limit, entry[name]) for name, limit in limits.items()}
        return dict(limits, path=path, checks=_checks([entry], asked.get("checks")))

    def _archive(self, asked: "dict[str, Any]") -> "dict[str, Any]":
        databases = [self._member(one, self._capture(one)) for one in _objects(asked.get("databases"))]
        trees = [self._member(one, self._tree(one)) for one in _objects(asked.get("trees"))]
        limits = [self._entry(self._configuration.folders, tree["path"])["deadline"] for tree in trees]
        limits += [one["deadline"] for one in self._configuration.databases] if databases else []
        deadline = min(_seconds(asked.get("deadline")), max(limits, default=60))
        return {"name": _typed(asked.get("name"), str), "deadline": deadline, "databases": databases, "trees": trees}

    def _member(self, asked: "dict[str, Any]", request: "dict[str, Any]") -> "dict[str, Any]":
        return dict(request, member=_typed(asked.get("member"), str))

    def _tree(self, asked: "dict[str, Any]") -> "dict[str, Any]":
        path, largest = asked.get("path"), asked.get("maximum_file_size")
        entry = self._entry(self._configuration.folders, path)
        include, exclude = asked.get("include"), asked.get("exclude")
        if not (are_patterns(include) and are_patterns(exclude)) or not (largest is None or is_count(largest)):
            raise RefusedError("bad_request", "its patterns or its largest size are none")
        # What the owner excludes is excluded, whatever else is asked for.
        return {"path": path, "include": include, "exclude": exclude + entry["exclude"], "maximum_file_size": largest}

    def _restore(self, operation: str, asked: "dict[str, Any]") -> "dict[str, Any] | None":
        is_database = operation.startswith(DATABASE_RESTORES)
        if not is_database and not operation.startswith(FOLDER_RESTORES):
            return None
        request = said_of_restore(asked)
        if request is None:
            raise RefusedError("bad_request", "a field of it is of another type")
        entries, path = self._configuration.databases if is_database else self._configuration.folders, asked.get("path")
        new_in, links_out = None, False
        if asked.get("new_in") is None:
            entries = [self._entry([one for one in entries if one["restore"]], path)]
            links_out = entries[0].get("links_out", False)
        elif is_plain_path(path):
            new_in = self._configuration.restores["new_in"]  # the script compares them with the folder as it really is
        else:
            raise _not_allowed(path)
        deadline = min(_seconds(asked.get("deadline", 60)), self._configuration.restores["deadline"])
        checks = _checks(entries, asked.get("checks")) if is_database else None
        return dict(request, deadline=deadline, path=path, checks=checks, new_in=new_in, links_out=links_out)

    def _entry(self, entries: "list[dict[str, Any]]", path: Any) -> "dict[str, Any]":
        """Return the first entry that means the file or folder which a path leads to, symbolic links resolved."""
        if is_plain_path(path):
            real = real_path(path)
            for entry in entries:
                if meant_by(entry, real):
                    return entry
        raise _not_allowed(path)


def _not_allowed(path: Any) -> "RefusedError":
    return RefusedError("not_served", f"the gate does not allow {path!r}"[:300])


def _checks(entries: "list[dict[str, Any]]", asked: Any) -> "dict[str, str] | None":
    """Return the checks that are asked for. Raise RefusedError for one that none of the entries has, word for word."""
    if asked is None:
        return None
    if not are_checks(asked):
        raise RefusedError("bad_request", "its checks are none")
    if not all(any(entry["checks"].get(name) == sql for entry in entries) for name, sql in asked.items()):
        raise RefusedError("checks_differ", "the gate's checks for this database are others")
    return dict(asked)


def _typed(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise RefusedError("bad_request", "a field of it is of another type")
    return value


def _seconds(value: Any) -> float:
    if not is_seconds(value):
        raise RefusedError("bad_request", "a limit of it is no number of seconds")
    return float(value)


def _age(value: Any) -> float:
    if type(value) not in (int, float) or not 0 <= value < LONGEST_AGE:
        raise RefusedError("bad_request", "an age in it is no number of seconds")
    return float(value)


def _objects(value: Any) -> "list[dict[str, Any]]":
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise RefusedError("bad_request", "a list of it holds something else than objects")
    return value



# ---- reading ----

"""What of a file may be read: frozen snapshots of this account, and databases while a transaction over them is held."""

import errno
import os
import re
import signal
import stat


SNAPSHOT_FILE = re.compile(r"[a-z0-9_-]{1,200}\.db", re.ASCII)
COUNT = re.compile(r"[0-9]{1,12}", re.ASCII)
BLOCK_BYTES = 131072
SECONDS_FOR_A_BLOCK = 120


def read_as_dd(words: "list[str]", staging: str, requests: GateRequests) -> None:
    """Write the blocks that a `dd` of these words would write. Raise RefusedError for any other words, and for other files."""
    values = dict(word.partition("=")[::2] for word in words[1:])
    numbers = [values.get(name, "") for name in ("skip", "count")]
    is_ours = len(words) == 5 and list(values) == ["if", "bs", "skip", "count"] and values["bs"] == str(BLOCK_BYTES)
    if not is_ours or not all(map(COUNT.fullmatch, numbers)):
        raise RefusedError("not_served", "dd is asked for something else")
    descriptor = open_readable(values["if"], staging, requests)
    position, end = (BLOCK_BYTES * blocks for blocks in (int(numbers[0]), int(numbers[0]) + int(numbers[1])))
    while position < end:
        signal.alarm(SECONDS_FOR_A_BLOCK)  # nobody who takes nothing is waited for
        block = os.pread(descriptor, min(BLOCK_BYTES, end - position), position)
        if not block:
            return
        position += len(block)
        while block:
            block = block[os.write(1, block) :]


def open_readable(path: str, staging: str, requests: GateRequests) -> int:
    """Return a descriptor of a file that may be read. Raise RefusedError for any other; no link is followed."""
    folder, name = os.path.split(path)
    is_snapshot = folder == staging and SNAPSHOT_FILE.fullmatch(name) is not None
    if not is_snapshot and not requests.readable(path):
        raise RefusedError("not_served", f"the gate does not allow {path!r}"[:300])
    try:
        if is_snapshot:
            require_private(as_bytes(staging), 0o022, "unsafe_staging")
        descriptor = os.open(as_bytes(path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        cause = "it is a symbolic link" if error.errno == errno.ELOOP else error.strerror
        raise RefusedError("missing", f"{path!r}: {cause}") from None
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or (is_snapshot and status.st_uid != os.geteuid()):
        raise RefusedError("not_served", f"{path!r} is no snapshot of this account"[:300])
    return descriptor



# ---- main ----

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


# ======== part two: what is sent over SSH where there is no gate ========

"""The ground of the on-server script: reasons, deadlines, and the source before SQLite opens it."""

import errno
import os
import re
import sqlite3
import stat
import time
from typing import Any
from urllib.parse import quote

NETWORK_FILE_SYSTEMS = re.compile(r"nfs\d?|cifs|smb\w*|afs|9p|ceph|fuse\.(sshfs|glusterfs|cephfs|s3fs|rclone|davfs\w*)|lustre")


class RefusedError(Exception):
    """No consistent snapshot: a stable word for machines, and what was seen."""

    def __init__(self, reason: str, cause: str) -> None:
        super().__init__(reason, cause)
        self.reason = reason
        self.cause = cause


class Request:
    """What our side asks for; `checks` is None where no fingerprint is wanted, times are in seconds.

    Of a recovery: its id, the digest and size of its copy, and, for a file that must not exist yet, the folders `new_in`
    which it may be made.
    """

    def __init__(self, values: "dict[str, Any]") -> None:
        self.operation = values["operation"]  # type: str
        self.path = values.get("path", "")  # type: str
        self.name = values.get("name", "")  # type: str
        self.staging = values.get("staging")  # type: str | None
        self.deadline = float(values.get("deadline", 60))
        self.lock_limit = float(values.get("lock_limit", 60))
        self.older_than = float(values.get("older_than", 0))
        self.checks = values.get("checks")  # type: dict[str, str] | None
        self.recovery = values.get("recovery", "")  # type: str
        self.new_in = values.get("new_in")  # type: list[str] | None
        self.sha256 = values.get("sha256", "")  # type: str
        self.size = int(values.get("size", 0))
        self.offset = int(values.get("offset", 0))
        self.method = values.get("method", "")  # type: str
        self.keep_aside = bool(values.get("keep_aside", True))


class Deadline:
    """How long work may take; the one that passes first gives the reason."""

    def __init__(self, seconds: float) -> None:
        self.at = self._whole = time.monotonic() + seconds
        self.reason = "deadline"
        self.limit = self._seconds = seconds

    def narrow(self, seconds: float, reason: str) -> None:
        """End earlier, `seconds` from now, if that is earlier."""
        if time.monotonic() + seconds < self.at:
            self.at, self.reason, self.limit = time.monotonic() + seconds, reason, seconds

    def widen(self) -> None:
        """Take back what `narrow` did."""
        self.at, self.reason, self.limit = self._whole, "deadline", self._seconds

    def refusal(self) -> RefusedError:
        """Return the error for time that is up."""
        return RefusedError(self.reason, f"it took longer than {self.limit:g} s")

    def remaining(self) -> float:
        """Return the seconds that are left, never less than 0."""
        return max(0.0, self.at - time.monotonic())

    def passed(self) -> bool:
        """Tell whether time is up; SQLite asks this while a statement runs."""
        return self.remaining() == 0

    def check(self, *_progress: int) -> None:
        """Raise RefusedError when time is up; CPython's backup would wait for a lock for ever."""
        if self.passed():
            raise self.refusal()


class Source:
    """The database file, looked at before SQLite opens it."""

    def __init__(self, path: str) -> None:
        self.path = os.path.realpath(path.encode("utf-8", "surrogateescape"))
        self.status = self._require_file()
        refuse_network_file_system(self.path)
        with open(self.path, "rb") as file:
            header = file.read(100)
        if not header.startswith(b"SQLite format 3\0"):
            raise RefusedError("not_a_database", "it does not begin as an SQLite database does")
        self.is_wal = header[18:20] == b"\2\2"
        self.change_counter = header[24:28]

    def size_of(self, suffix: bytes) -> "int | None":
        """Return the size of a file beside the database, None if there is none; nothing is opened."""
        try:
            return os.stat(self.path + suffix).st_size
        except FileNotFoundError:
            return None

    @property
    def must_be_read_as_immutable(self) -> bool:
        """Tell whether reading a cleanly closed WAL database would need files that we cannot or must not make.

        Made by neither root nor the owner, a -wal would lock the game out of its own database.
        """
        if not self.is_wal or self.size_of(b"-wal") is not None or self.size_of(b"-journal") is not None:
            return False
        return os.geteuid() not in (0, self.status.st_uid) or not os.access(os.path.dirname(self.path), os.W_OK)

    def state(self) -> "list[object]":
        """Return what changes when anybody writes the database."""
        now = Source(self.path.decode("utf-8", "surrogateescape"))
        times = now.status.st_mtime_ns, now.status.st_ctime_ns
        return [now.status.st_size, times, now.change_counter, now.size_of(b"-wal"), now.size_of(b"-journal")]

    def _require_file(self) -> "os.stat_result":
        status = os.stat(self.path)
        if not stat.S_ISREG(status.st_mode):
            raise RefusedError("not_a_file", "it is a folder or a device")
        if not os.access(self.path, os.R_OK):
            raise RefusedError("no_permission", "the account may not read it")
        if status.st_size == 0:
            raise RefusedError("empty", "it is 0 bytes long")
        return status


def refuse_network_file_system(path: bytes) -> None:
    """Raise RefusedError for a path on a file system over which locks do not hold."""
    try:
        with open("/proc/mounts", "rb") as mounts:
            kind = file_system(path, mounts.read())
    except FileNotFoundError:  # not Linux
        return
    if NETWORK_FILE_SYSTEMS.fullmatch(kind):
        raise RefusedError("network_file_system", f"it lies on {kind}")


def file_system(path: bytes, mounts: bytes) -> str:
    """Return the kind of file system a path lies on; `mounts` is the text of /proc/mounts."""
    best, kind = b"", "unknown"
    for line in mounts.splitlines():
        fields = line.split(b" ")
        point = re.sub(rb"\\([0-7]{3})", lambda match: bytes([int(match.group(1), 8)]), fields[1])
        inside = path == point or path.startswith(point.rstrip(b"/") + b"/")
        if inside and len(point) >= len(best):
            best, kind = point, fields[2].decode()
    return kind


def explain(error: "sqlite3.Error | OSError", source: "Source | None") -> RefusedError:
    """Turn what SQLite or the system says into a reason."""
    text = str(error)
    if isinstance(error, OSError):
        reasons = {errno.ENOSPC: "disk_full", errno.EDQUOT: "disk_full", errno.ENOENT: "missing", errno.ENOTDIR: "missing"}
        reasons.update({errno.EACCES: "no_permission", errno.EPERM: "no_permission"})
        return RefusedError(reasons.get(error.errno or 0, "io_error"), error.strerror or text)
    for pattern, reason in (
        ("not a database|encrypted", "not_a_database"),
        ("malformed", "damaged"),
        ("interrupted", "deadline"),
        ("is full", "disk_full"),
        ("locked|busy", "exclusive_lock" if source is not None and source.is_wal else "locked"),
        ("readonly database|unable to open", _why_read_only(source)),
        ("disk I/O error", "io_error"),
    ):
        if re.search(pattern, text):
            return RefusedError(reason, text)
    return RefusedError("sqlite_error", text)


def _why_read_only(source: "Source | None") -> str:
    if source is not None and source.size_of(b"-journal"):
        return "hot_journal"
    return "read_only_folder" if source is not None and source.is_wal else "no_permission"


def connect(path: bytes, deadline: Deadline, options: str) -> sqlite3.Connection:
    """Open a database by URI; its name may hold anything."""
    uri = "file:" + quote(path) + options
    connection = sqlite3.connect(uri, uri=True, timeout=deadline.remaining(), isolation_level=None)
    connection.text_factory = lambda text: text.decode("utf-8", "replace")
    connection.set_progress_handler(deadline.passed, 10000)
    return connection
"""What a database holds: its fingerprint inside one transaction, and the digest of a file."""

import hashlib
import os
import sqlite3
import time
from typing import Any



CHUNK = 1 << 20
POLL_SECONDS = 0.003


def begin(connection: sqlite3.Connection, deadline: Deadline) -> None:
    """Open the read transaction that everything else happens in. Raise RefusedError if there is no table."""
    if not begin_reading(connection, deadline):
        raise RefusedError("empty", "it has no tables")


def begin_reading(connection: sqlite3.Connection, deadline: Deadline) -> int:
    """Open a read transaction and return how many tables it sees."""
    connection.execute("BEGIN")
    ((tables,),) = ask_often(connection, deadline, "SELECT count(*) FROM sqlite_master WHERE type = 'table'")
    return int(tables)


def ask_often(connection: sqlite3.Connection, deadline: Deadline, sql: str) -> "list[Any]":
    """Run a statement as soon as its lock can be had, and return all its rows.

    Asked every few milliseconds, a lock is had in the short gaps that a busy writer leaves; SQLite's own waiting, which
    sleeps longer and longer, misses them for seconds.
    """
    connection.execute("PRAGMA busy_timeout=0")
    while True:
        try:
            rows = connection.execute(sql).fetchall()
            break
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or deadline.passed():
                raise
            time.sleep(POLL_SECONDS)
    connection.execute(f"PRAGMA busy_timeout={int(deadline.remaining() * 1000)}")
    return rows


def fingerprint(connection: sqlite3.Connection, checks: "dict[str, str]") -> "dict[str, object]":
    """Count the rows of every ordinary table, hash the schema, and ask the owner's questions, in the open transaction.

    Equal on two databases exactly if their tables, their schema, and the first row of each check are.
    """
    schema = schema_of(connection)
    counts = {}
    for kind, name, _, sql in schema:
        if kind == "table" and not is_virtual(sql):
            (counts[name],) = connection.execute(count_of(name)).fetchone()
    connection.execute("PRAGMA query_only=ON")
    answers = {name: _ask(connection, name, sql) for name, sql in sorted(checks.items())}
    connection.execute("PRAGMA query_only=OFF")
    return {"row_counts": counts, "schema_sha256": schema_sha256(schema), "checks": answers, "check_sql": checks}


def schema_of(connection: sqlite3.Connection) -> "list[tuple[str, str, str, str]]":
    """Return type, name, table name and SQL of everything but SQLite's own tables and indexes."""
    rows = connection.execute("SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_master").fetchall()
    return [row for row in rows if not row[1].lower().startswith("sqlite_")]


def is_virtual(sql: str) -> bool:
    """Tell whether a table keeps its rows in other tables, which are counted themselves."""
    return sql.upper().startswith("CREATE VIRTUAL TABLE")


def count_of(table: str) -> str:
    """Return the SQL that counts a table's rows; not by an index, which may need a collation that only the game has."""
    quoted = table.replace('"', '""')
    return f'SELECT count(*) FROM "{quoted}" NOT INDEXED'  # noqa: S608 - a quoted name


def schema_sha256(schema: "list[tuple[str, str, str, str]]") -> str:
    """Hash the sorted schema: lines of type, name, table name and SQL, with tabs between."""
    return hashlib.sha256("\n".join(sorted("\t".join(row) for row in schema)).encode()).hexdigest()


def _ask(connection: sqlite3.Connection, name: str, sql: str) -> "list[object]":
    try:
        row = connection.execute(sql).fetchone() or ()
    except (sqlite3.Error, sqlite3.Warning) as error:
        if "interrupted" in str(error):
            raise
        raise RefusedError("bad_check", f"check {name!r}: {error}") from None
    for value in row:
        if isinstance(value, bytes) or (isinstance(value, float) and value - value != 0):
            raise RefusedError("bad_check", f"check {name!r}: it gives a blob or an infinite number; ask for hex() of it")
    return list(row)


def sha256_of(descriptor: int, size: int, deadline: Deadline) -> str:
    """Hash the first `size` bytes of an open file."""
    digest = hashlib.sha256()
    offset = 0
    while offset < size:
        deadline.check()
        block = os.pread(descriptor, min(CHUNK, size - offset), offset)
        if not block:
            raise RefusedError("changed", "it became shorter while it was read")
        digest.update(block)
        offset += len(block)
    return digest.hexdigest()
"""A folder that is ours alone, and the lock that lets one process at a time work in it."""

import errno
import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager



LOCK_POLL_SECONDS = 0.05


def make_private(path: bytes, reason: str) -> None:
    """Make a folder for us alone, unless there is one; raise RefusedError with `reason` if it cannot be made."""
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        pass  # whose it is shows when it is looked at
    except OSError as error:
        reason = "disk_full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else reason
        raise RefusedError(reason, f"{os.fsdecode(path)}: {error.strerror}") from None


def require_private(path: bytes, forbidden: int, reason: str) -> None:
    """Raise RefusedError with `reason` unless it is a folder of ours to which nobody else has the `forbidden` rights."""
    status = os.lstat(path)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & forbidden:
        raise RefusedError(reason, f"{os.fsdecode(path)} is not a folder that is ours alone")


@contextmanager
def locked_folder(path: bytes, deadline: Deadline, cause: str) -> "Iterator[int]":
    """Keep every other process out of a folder, given as its descriptor; the kernel lets go of it however this one ends.

    A run whose connection was lost may still be at work when its job comes again: two must not do the same work at once.
    """
    folder = os.open(path, os.O_RDONLY)
    try:
        while True:
            try:
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if deadline.passed():
                    raise RefusedError("busy", f"{cause} {os.fsdecode(path)}") from None
                time.sleep(LOCK_POLL_SECONDS)
        yield folder
    finally:
        os.close(folder)
"""The folder on the server that holds frozen snapshots, each `<name>.db` with its report `<name>.json`."""

import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any




ENDINGS = (".json", ".db", ".partial", ".json.partial")


class Staging:
    """The private folder for snapshots: made by us, for us alone. Raise RefusedError if it is anything else."""

    def __init__(self, path: "str | None", *, make: bool = False) -> None:
        self.path = staging_path(path)
        if make:
            make_private(self.path, "no_staging")
        self.exists = os.path.lexists(self.path)
        if self.exists:
            require_private(self.path, 0o022, "unsafe_staging")

    def file(self, name: str, ending: str) -> bytes:
        """Return the path of one of a snapshot's files."""
        if not re.fullmatch("[a-z0-9_-]{1,200}", name):
            raise RefusedError("bad_request", f"{name!r} is no name of a snapshot")
        return os.path.join(self.path, (name + ending).encode())

    @contextmanager
    def held(self, deadline: Deadline) -> "Iterator[None]":
        """Keep every other process from freezing into this folder."""
        with locked_folder(self.path, deadline, "another run freezes a snapshot in"):
            yield

    def find(self, name: str) -> "dict[str, Any] | None":
        """Return the report of a snapshot that is there whole, with the path to read it from; None if there is none."""
        try:
            with open(self.file(name, ".json"), "rb") as file:
                report = json.loads(file.read().decode())
            size = os.stat(self.file(name, ".db")).st_size
        except (FileNotFoundError, ValueError):
            return None
        return report if size == report["size"] else None

    def publish(self, name: str, report: "dict[str, Any]") -> None:
        """Give the finished snapshot its name, and its report after it; killed between the two, it is taken anew."""
        os.rename(self.file(name, ".partial"), self.file(name, ".db"))
        with open(self.file(name, ".json.partial"), "wb") as file:
            file.write(json.dumps(report).encode())
        os.rename(self.file(name, ".json.partial"), self.file(name, ".json"))

    def drop(self, name: str) -> None:
        """Remove a snapshot, its report first; dropping what is not there is no error."""
        for ending in ENDINGS:
            self.discard(name, ending)

    def discard(self, name: str, ending: str) -> None:
        """Remove one file, and what SQLite may have put beside it."""
        for suffix in (b"", b"-journal", b"-wal", b"-shm"):
            with suppress(FileNotFoundError):
                os.unlink(self.file(name, ending) + suffix)

    def sweep(self, older_than: float) -> "list[str]":
        """Remove the snapshots of which nothing changed for `older_than` seconds; return their names, sorted."""
        newest = {}  # type: dict[str, float]
        for entry in os.scandir(self.path) if self.exists else ():
            name = os.fsdecode(entry.name).split(".")[0]
            if re.fullmatch("[a-z0-9_-]{1,200}", name):
                newest[name] = max(newest.get(name, 0), entry.stat(follow_symlinks=False).st_mtime)
        names = sorted(name for name, at in newest.items() if at <= time.time() - older_than)
        for name in names:
            self.drop(name)
        return names

    def require_room(self, size: int) -> None:
        """Raise RefusedError unless a snapshot of `size` bytes fits with a fifth to spare."""
        room = os.statvfs(self.path)
        free = room.f_bavail * room.f_frsize
        if free < size * 1.2:
            raise RefusedError("disk_full", f"{os.fsdecode(self.path)} has {free} bytes free, and {int(size * 1.2)} are needed")


def staging_path(path: "str | None") -> bytes:
    """Return where the folder is, or would be made; `path` is what the fleet file says of it, if anything."""
    return (path or f"/var/tmp/fleetsave-{os.geteuid()}").encode("utf-8", "surrogateescape")  # noqa: S108 - it is checked
"""A frozen snapshot: copied inside SQLite, in one read transaction, into a file of its own."""

import hashlib
import os
import platform
import sqlite3
import time
from typing import Any





STEP_PAGES = 2048
JOURNAL_MAGIC = b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"


def take_snapshot(request: Request, source: Source, deadline: Deadline) -> "dict[str, Any]":
    """Freeze the database as `<staging>/<name>.db` and return the report; what is there already is not taken again."""
    staging, name = Staging(request.staging, make=True), request.name
    with staging.held(deadline):
        existing = staging.find(name)
        if existing is not None and existing["source_path"] == request.path:
            return existing
        staging.drop(name)
        return _freeze(request, source, staging, deadline)


def _freeze(request: Request, source: Source, staging: Staging, deadline: Deadline) -> "dict[str, Any]":
    name, started = request.name, time.monotonic()
    staging.require_room(source.status.st_size + (source.size_of(b"-wal") or 0))
    try:
        report = dict(describe(source), snapshot_id=os.urandom(16).hex(), path=os.fsdecode(staging.file(name, ".db")))
        report["source_path"] = request.path
        report.update(_copy(request, source, staging.file(name, ".partial"), deadline))
        report.update(_measure(staging.file(name, ".partial"), deadline))
        report["seconds"] = round(time.monotonic() - started, 6)
        staging.publish(name, report)
    finally:
        staging.discard(name, ".partial")
    return report


def describe(source: Source) -> "dict[str, Any]":
    """Return what is known of the source and of this interpreter before SQLite opens anything."""
    return {
        "journal_mode": "wal" if source.is_wal else "rollback",
        "source_size": source.status.st_size,
        "source_mtime": source.status.st_mtime,
        "sqlite_version": sqlite3.sqlite_version,
        "runtime": "python " + platform.python_version(),
        "notes": [],
    }


def _copy(request: Request, source: Source, target: bytes, deadline: Deadline) -> "dict[str, Any]":
    immutable = source.must_be_read_as_immutable
    before = source.state() if immutable else None
    connection = connect(source.path, deadline, "?mode=ro&immutable=1" if immutable else "?mode=ro")
    try:
        report = _copy_in_transaction(request, source, connection, target, deadline)
    finally:
        connection.close()
    deadline.widen()  # no lock is held any more
    if immutable:
        if source.state() != before or before[-2:] != [None, None]:
            raise RefusedError("changed", "it was opened for writing while it was read without a lock")
        report["notes"] = ["read as immutable: nobody had it open, and it did not change meanwhile"]
    return report


def _copy_in_transaction(
    request: Request, source: Source, connection: sqlite3.Connection, target: bytes, deadline: Deadline
) -> "dict[str, Any]":
    begin(connection, deadline)
    locked = time.monotonic()
    if not source.is_wal:
        deadline.narrow(request.lock_limit, "lock_limit")
    checks = request.checks
    if hasattr(connection, "backup"):
        taken = fingerprint(connection, checks) if checks is not None else None
        _back_up(connection, target, deadline)
        connection.execute("ROLLBACK")
        held = time.monotonic() - locked
        notes = []  # type: list[str]
    else:
        connection.execute("ROLLBACK")
        taken = _vacuum_into(connection, target, deadline, checks)
        held = time.monotonic() - locked
        notes = ["fingerprint taken from the frozen file, which is what VACUUM INTO's own transaction saw"]
    return {
        "method": "backup" if hasattr(connection, "backup") else "vacuum_into",
        "fingerprint": taken,
        "lock_seconds": round(held, 6),
        "writer_stall_seconds": 0.0 if source.is_wal else round(held, 6),
        "notes": notes if checks is not None else [],
    }


def _back_up(connection: sqlite3.Connection, target: bytes, deadline: Deadline) -> None:
    """Copy all pages as they are. The open transaction keeps the view: no commit makes the copy begin anew.

    Steps let the deadline in, which is looked at after each.
    """
    copy = connect(target, deadline, "")
    try:
        copy.execute("PRAGMA journal_mode=OFF")
        copy.execute("PRAGMA synchronous=OFF")
        connection.backup(copy, pages=STEP_PAGES, progress=deadline.check)
    finally:
        copy.close()


def _vacuum_into(
    connection: sqlite3.Connection, target: bytes, deadline: Deadline, checks: "dict[str, str] | None"
) -> "dict[str, Any] | None":
    if sqlite3.sqlite_version_info < (3, 27):
        cause = f"python {platform.python_version()} has no backup, and SQLite {sqlite3.sqlite_version} no VACUUM INTO"
        raise RefusedError("no_snapshot_method", cause)
    connection.execute("VACUUM INTO ?", (target.decode("utf-8", "surrogateescape"),))
    if checks is None:
        return None
    copy = connect(target, deadline, "?mode=ro&immutable=1")
    try:
        begin(copy, deadline)
        return fingerprint(copy, checks)
    finally:
        copy.close()


def _measure(path: bytes, deadline: Deadline) -> "dict[str, Any]":
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        page_size = page_size_of(file.read(100))
        digest = sha256_of(file.fileno(), size, deadline)
    return {"size": size, "page_size": page_size, "page_count": size // page_size, "sha256": digest}


def page_size_of(header: bytes) -> int:
    """Return the page size a database's first bytes tell; 1 stands for 65536."""
    size = int.from_bytes(header[16:18], "big")
    return 65536 if size == 1 else size


def look_at_pair(source: Source) -> "dict[str, Any]":
    """Describe a database and the journal of a transaction that was cut off, so that a copy of both can be judged.

    `super_journal` tells whether other databases took part, whose journals the copy would need too.
    """
    files = {}
    for what, suffix in (("database", b""), ("journal", b"-journal")):
        with open(source.path + suffix, "rb") as file:
            content = hashlib.sha256()
            ending = b""
            for block in iter(lambda: file.read(1 << 20), b""):
                content.update(block)
                ending = (ending + block)[-8:]
            status = os.fstat(file.fileno())
        files[what] = {"size": status.st_size, "mtime": status.st_mtime_ns, "sha256": content.hexdigest()}
    return dict(describe(source), files=files, path=os.fsdecode(source.path), super_journal=ending == JOURNAL_MAGIC)
"""A read transaction held open while others read the files: the way that needs no room on the server.

No one may write the main file of a rollback-journal database meanwhile. Under WAL a checkpoint may, but only what the
first `wal_frames` frames of the -wal hold too; those frames stay as they are unless the -wal is begun anew, which SQLite
does only when they are in the main file already and nobody needs them.
"""

import json
import os
import select
import sqlite3
import struct
import time
from typing import Any, BinaryIO





LEAST_WAL_LIMIT = 256 << 20
INDEX_HEADER = struct.Struct("=III B B H I I 8s 8s 8s")
"""The wal-index header: version, unused, change, initialised, byte order, page size, frames, pages, sums, salts, sum."""


def hold(request: Request, source: Source, deadline: Deadline, stdin: BinaryIO, stdout: BinaryIO) -> "dict[str, Any]":
    """Report the view, then keep it until a line says `end`; the last reply proves that it was held all the time.

    Raise RefusedError if the deadline passes, the -wal outgrows its limit, or our side goes away.
    """
    connection = connect(source.path, deadline, "?mode=ro")
    frames, salts = 0, ""
    if source.is_wal:
        frames, salts = _begin_at_known_frame(connection, source, deadline)
    else:
        begin(connection, deadline)
    started = time.monotonic()
    if not source.is_wal:
        deadline.narrow(request.lock_limit, "lock_limit")
    main = os.open(source.path, os.O_RDONLY)  # never closed: see the top of the script
    size = os.fstat(main).st_size
    report = dict(describe(source), snapshot_id=os.urandom(16).hex(), path=os.fsdecode(source.path), size=size)
    report.update(page_size=page_size_of(os.pread(main, 100, 0)), wal_frames=frames, wal_salts=salts)
    limit = min(max(LEAST_WAL_LIMIT, size // 4), _free_bytes(source) // 2)
    if frames * (report["page_size"] + 24) > limit:
        raise RefusedError("wal_too_large", f"the -wal has {frames} frames, and {limit} bytes are the limit")
    report["fingerprint"] = fingerprint(connection, request.checks) if request.checks is not None else None
    report["sha256"] = None if source.is_wal else sha256_of(main, size, deadline)
    largest_wal = (source.size_of(b"-wal") or 0) + limit
    stdout.write((json.dumps({"fleetsave": 1, "ok": report}) + "\n").encode())
    stdout.flush()
    _wait_for_end(source, deadline, stdin, largest_wal)
    connection.execute("ROLLBACK")
    return {"held_seconds": round(time.monotonic() - started, 6)}


def _begin_at_known_frame(connection: sqlite3.Connection, source: Source, deadline: Deadline) -> "tuple[int, str]":
    """Open the transaction and return how many frames of the -wal it sees, and their salts.

    The wal-index is read before and after: if it did not change, it is what the transaction began with.
    """
    connection.execute("SELECT count(*) FROM sqlite_master").fetchone()  # makes the -shm, if need be
    index = os.open(source.path + b"-shm", os.O_RDONLY)  # never closed: see the top of the script
    while True:
        before = os.pread(index, 2 * INDEX_HEADER.size, 0)
        begin(connection, deadline)
        after = os.pread(index, 2 * INDEX_HEADER.size, 0)
        header = after[: INDEX_HEADER.size]
        if before == after and header == after[INDEX_HEADER.size :]:
            break
        connection.execute("ROLLBACK")
        deadline.check()
    fields = INDEX_HEADER.unpack(header)
    if fields[0] != 3007000 or not fields[3]:
        raise RefusedError("unknown_wal_index", f"the wal-index is of version {fields[0]}")
    return fields[6], fields[9].hex()


def _wait_for_end(source: Source, deadline: Deadline, stdin: BinaryIO, wal_limit: int) -> None:
    while not select.select([stdin], [], [], min(0.5, deadline.remaining()))[0]:
        deadline.check()
        if (source.size_of(b"-wal") or 0) > wal_limit:
            raise RefusedError("wal_too_large", f"the -wal grew past {wal_limit} bytes while it was read")
    if stdin.readline().strip() != b"end":
        raise RefusedError("abandoned", "our side went away")


def _free_bytes(source: Source) -> int:
    room = os.statvfs(os.path.dirname(source.path))
    return room.f_bavail * room.f_frsize
"""Where a recovery goes to: the database's path as it really is, and what stands there."""

import os
import stat



SIDECARS = (b"-wal", b"-shm", b"-journal")
WHOLE_SET = (b"", *SIDECARS)
"""What makes one database together; apart from one another these files are stale, and a stale -wal ruins a database."""


class Target:
    """The database to be replaced, or the place for a new one. Raise RefusedError if this account cannot restore there.

    A new file is made under the name that was asked for; what a database is reached by may be a link.
    """

    def __init__(self, request: Request) -> None:
        asked = request.path.encode("utf-8", "surrogateescape")
        folder = os.path.realpath(os.path.dirname(asked))
        self.is_new = request.new_in is not None
        self.path = os.path.join(folder, os.path.basename(asked)) if self.is_new else os.path.realpath(asked)
        self.folder = os.path.dirname(self.path)
        if not os.path.isdir(self.folder):
            raise RefusedError("missing_folder", f"there is no folder {os.fsdecode(self.folder)}")
        if request.new_in is not None:
            self._require_inside(request.new_in)
        refuse_network_file_system(self.folder)
        self._require_permission()

    @property
    def exists(self) -> bool:
        """Tell whether anything stands at the path, a link that leads nowhere too."""
        return os.path.lexists(self.path)

    @property
    def name(self) -> bytes:
        """Return the file's name, without its folder."""
        return os.path.basename(self.path)

    def files(self) -> "list[bytes]":
        """Return the paths of the files of the set that are there."""
        return [self.path + suffix for suffix in WHOLE_SET if os.path.lexists(self.path + suffix)]

    def stale_sidecars(self) -> "list[str]":
        """Return the names of sidecar files that lie there without their database."""
        return [] if self.exists else [os.fsdecode(os.path.basename(path)) for path in self.files()]

    def state(self) -> "list[int]":
        """Return what changes whenever a program commits; nothing is opened, so that no lock is lost."""
        found = []  # type: list[int]
        for suffix in (b"", b"-wal"):
            try:
                status = os.stat(self.path + suffix)
            except FileNotFoundError:
                found += [0, 0]
            else:
                found += [status.st_size, status.st_mtime_ns if status.st_size else 0]
        return found

    def _require_inside(self, folders: "list[str]") -> None:
        for allowed in folders:
            real = os.path.realpath(allowed.encode("utf-8", "surrogateescape"))
            if self.folder == real or self.folder.startswith(real.rstrip(b"/") + b"/"):
                return
        raise RefusedError("outside_folders", f"its folder is really {os.fsdecode(self.folder)}")

    def _require_permission(self) -> None:
        try:
            status = os.stat(self.path)
        except FileNotFoundError:
            status = os.stat(self.folder)
        else:
            if not stat.S_ISREG(status.st_mode) and not self.is_new:
                raise RefusedError("not_a_file", "it is a folder or a device")
        if os.geteuid() not in (0, status.st_uid):
            raise RefusedError("no_permission", f"the account is neither root nor its owner, user {status.st_uid}")
        if not os.access(self.folder, os.R_OK | os.W_OK | os.X_OK):
            raise RefusedError("no_permission", f"the account may not write {os.fsdecode(self.folder)}")
"""Which processes have a database open, as far as this account can see them."""

import fcntl
import os
import re
import struct
import sys
from contextlib import suppress

LOCK = struct.Struct("hhqqi")
"""Linux's struct flock: type, whence, start, length, pid."""

LAST_BYTE = (1 << 63) - 1
MOST_RANGES = 64


def users_of(paths: "list[bytes]") -> "list[str]":
    """Return `pid 123 (name)` for each process that has one of the files open, or a lock on one; never our own.

    The open files of other users' processes are hidden from all but root; their locks are not. Called only while nothing
    of this process has the files open: opening and closing them here would drop SQLite's locks.
    """
    found = _holders_of_open_files(paths) | {pid for path in paths for pid in _holders_of_locks(path)}
    return [_described(pid) for pid in sorted(found - {os.getpid()})]


def _holders_of_open_files(paths: "list[bytes]") -> "set[int]":
    wanted = set()
    for path in paths:
        with suppress(FileNotFoundError):
            status = os.stat(path)
            wanted.add((status.st_dev, status.st_ino))
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()] if os.path.isdir("/proc") else []
    return {pid for pid in pids if _has_open(pid, wanted)}


def _has_open(pid: int, wanted: "set[tuple[int, int]]") -> bool:
    folder = f"/proc/{pid}/fd"
    with suppress(OSError):  # it has ended, or is another user's
        for name in os.listdir(folder):
            with suppress(OSError):
                status = os.stat(f"{folder}/{name}")
                if (status.st_dev, status.st_ino) in wanted:
                    return True
    return False


def _holders_of_locks(path: bytes) -> "set[int]":
    if not sys.platform.startswith("linux"):
        return set()
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError:
        return set()
    try:
        return _holders_in(descriptor)
    finally:
        os.close(descriptor)


def _holders_in(descriptor: int) -> "set[int]":
    """Ask who would keep us from locking each part of the file; the kernel names one holder at a time."""
    found, ranges = set(), [(0, LAST_BYTE)]
    for _ in range(MOST_RANGES):
        if not ranges:
            break
        start, end = ranges.pop()
        asked = LOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, start, end - start, 0)
        kind, _, first, length, pid = LOCK.unpack(fcntl.fcntl(descriptor, fcntl.F_GETLK, asked)[: LOCK.size])
        if kind == fcntl.F_UNLCK:
            continue
        found.add(pid)
        last = first + length if length else end
        ranges += [part for part in ((start, min(first, end)), (max(last, start), end)) if part[0] < part[1]]
    return found


def _described(pid: int) -> str:
    if pid <= 0:
        return "a process that this account cannot see"
    try:
        with open(f"/proc/{pid}/comm", "rb") as file:
            name = re.sub(r"[^ -~]", "?", file.read().decode("utf-8", "replace").strip())
    except OSError:
        name = "unknown"
    return f"pid {pid} ({name})"
"""The folder beside the target that holds everything of one recovery: the copy, what was there, and how far the swap is."""

import json
import os
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any





COPY_PARTIAL, COPY, COPY_REPORT = "copy.partial", "copy.db", "copy.json"
BEFORE_PARTIAL, BEFORE = "before.partial", "before.db"
NEW_PARTIAL, NEW = "new.partial", "new.db"
ASIDE, UNDONE = "aside", "undone"
MARKER = "swap.json"


class Workplace:
    """`<folder of the target>/.fleetsave-<recovery id>`. Raise RefusedError if anything but a folder of ours is there."""

    def __init__(self, request: Request, target: Target) -> None:
        if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,62}\.[0-9]{6}", request.recovery):
            raise RefusedError("bad_request", f"{request.recovery!r} is no id of a recovery")
        self.path = os.path.join(target.folder, b".fleetsave-" + request.recovery.encode())
        if self.exists:
            self._require_ours()

    @property
    def exists(self) -> bool:
        """Tell whether anything of the recovery is here."""
        return os.path.lexists(self.path)

    @contextmanager
    def held(self, deadline: Deadline) -> "Iterator[None]":
        """Make the folder if need be, and keep every other process of this recovery out of it."""
        while True:
            make_private(self.path, "no_permission")
            self._require_ours()
            with locked_folder(self.path, deadline, "another process is at work on this recovery in") as descriptor:
                # The one before us may have removed it while we waited; then what we hold is no folder any more.
                if self._is(descriptor):
                    yield
                    return
            deadline.check()

    def _is(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), os.lstat(self.path))
        except FileNotFoundError:
            return False

    def file(self, name: str) -> bytes:
        """Return the path of one of the files."""
        return os.path.join(self.path, name.encode())

    def folder(self, name: str) -> bytes:
        """Make one of the folders, if need be, and return its path."""
        make_private(self.file(name), "no_permission")
        require_private(self.file(name), 0o077, "unsafe_folder")
        return self.file(name)

    def has(self, name: str) -> bool:
        """Tell whether a file is here."""
        return os.path.lexists(self.file(name))

    def size_of(self, name: str) -> int:
        """Return the size of a file, 0 if it is not here."""
        try:
            return os.stat(self.file(name)).st_size
        except FileNotFoundError:
            return 0

    def used(self) -> int:
        """Return how many bytes the files here have."""
        return sum(entry.stat(follow_symlinks=False).st_size for entry in os.scandir(self.path)) if self.exists else 0

    def read(self, name: str) -> "dict[str, Any] | None":
        """Return what was noted under a name, None if nothing was."""
        try:
            with open(self.file(name), "rb") as file:
                noted = json.loads(file.read().decode())
        except FileNotFoundError:
            return None
        return dict(noted)

    def note(self, name: str, values: "dict[str, Any]") -> None:
        """Write something down so that it is there whole, or not at all, whatever happens."""
        with open(self.file(name + ".new"), "wb") as file:
            file.write(json.dumps(values).encode())
            file.flush()
            os.fsync(file.fileno())
        os.rename(self.file(name + ".new"), self.file(name))
        sync_folder(self.path)

    def publish(self, partial: str, name: str) -> None:
        """Give a finished file its name, for good."""
        with open(self.file(partial), "rb") as file:
            os.fsync(file.fileno())
        os.rename(self.file(partial), self.file(name))
        sync_folder(self.path)

    def discard(self, name: str) -> None:
        """Remove a file, and what SQLite may have put beside it."""
        for suffix in (b"", *SIDECARS):
            with suppress(FileNotFoundError):
                os.unlink(self.file(name) + suffix)

    def remove(self, keep: str) -> None:
        """Remove everything but the folder `keep`, and the workplace too if that is empty; the marker goes last."""
        for entry in sorted(os.scandir(self.path), key=lambda entry: entry.name == MARKER.encode()):
            if entry.name == keep.encode():
                with suppress(OSError):  # it is not empty, and stays
                    os.rmdir(entry.path)
            elif entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path)
            else:
                os.unlink(entry.path)
        with suppress(OSError):
            os.rmdir(self.path)

    def _require_ours(self) -> None:
        require_private(self.path, 0o077, "unsafe_folder")


def sync_folder(path: bytes) -> None:
    """Make the renames in a folder last."""
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def is_out_of_room(error: "sqlite3.Error | OSError") -> bool:
    """Tell whether the disk is full."""
    return "is full" in str(error) or "No space" in str(error)
"""Opening a database only to look at it, and whether it is sound."""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any




READ_ONLY = "?mode=ro"
AS_IT_LIES = "?mode=ro&immutable=1"
LACKING = ("no such collation sequence", "no such function", "unknown function", "no such module", "unsupported file format")
MESSAGES = 5
INTERRUPT_AGAIN_SECONDS = 0.1


def soundness_of(connection: sqlite3.Connection, deadline: Deadline) -> "tuple[str, str]":
    """Return passed, failed or suspect, and what integrity_check says; suspect where this SQLite lacks what it would need."""
    version = sqlite3.sqlite_version
    try:
        with interrupted_at(deadline, connection):
            rows = connection.execute("PRAGMA integrity_check(100)").fetchall()
    except sqlite3.DatabaseError as error:
        if "interrupted" in str(error):
            raise
        if str(error).startswith(LACKING):
            return "suspect", f"{error}: SQLite {version} on the server cannot judge it"
        return "failed", f"SQLite: {error}"
    if rows == [("ok",)]:
        return "passed", f"integrity_check ok, SQLite {version} on the server"
    more = f"; and {len(rows) - MESSAGES} more" if len(rows) > MESSAGES else ""
    return "failed", "integrity_check: " + "; ".join(str(row[0])[:200] for row in rows[:MESSAGES]) + more


def examine(connection: sqlite3.Connection, checks: "dict[str, str]", deadline: Deadline) -> "dict[str, Any]":
    """Return soundness and fingerprint as one transaction sees them; no fingerprint of what is not sound."""
    try:
        tables = begin_reading(connection, deadline)
        outcome, detail = soundness_of(connection, deadline) if tables else ("failed", "it holds not one table")
        taken = None if outcome == "failed" else fingerprint(connection, checks)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError) and "malformed" not in str(error):
            raise
        outcome, detail, taken = "failed", f"SQLite: {error}", None
    return {"integrity": outcome, "detail": detail, "fingerprint": taken}


def examine_file(path: bytes, checks: "dict[str, str]", deadline: Deadline) -> "dict[str, Any]":
    """Examine a file that nobody writes."""
    with closing(connect(path, deadline, AS_IT_LIES)) as connection:
        return examine(connection, checks, deadline)


def way_to_look(path: bytes) -> str:
    """Return the options with which looking at a live database leaves no file beside it, as far as that can be had.

    Reading a WAL database makes a -wal and a -shm, which a reader cannot remove again. Where there is no -wal, everything
    stands in the main file; what is read without a lock must then be seen not to have changed meanwhile.
    """
    with open(path, "rb") as file:
        is_wal = file.read(20)[18:20] == b"\2\2"
    return AS_IT_LIES if is_wal and not os.path.exists(path + b"-wal") and not os.path.exists(path + b"-journal") else READ_ONLY


@contextmanager
def interrupted_at(deadline: Deadline, connection: sqlite3.Connection) -> "Iterator[None]":
    """Interrupt whatever runs from the deadline on: inside integrity_check older SQLite asks nobody."""
    done = threading.Event()

    def watch() -> None:
        pause = deadline.remaining()
        while not done.wait(pause):
            connection.interrupt()
            pause = INTERRUPT_AGAIN_SECONDS

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def require_backup() -> None:
    """Raise RefusedError if this Python cannot restore through SQLite; it can from 3.7 on."""
    if not hasattr(sqlite3.Connection, "backup"):
        raise RefusedError("no_tools", "its Python is older than 3.7, and has no Connection.backup")
"""What stands at the target, and whether a recovery can work there; nothing is written."""

import os
import platform
import sqlite3
from contextlib import closing
from typing import Any









LOCK_WAIT_SECONDS = 20
SPARE_ROOM = 16 << 20
HOT_JOURNAL = "a program died while it wrote; SQLite takes its last transaction back as soon as the swap opens the database"


def survey(request: Request, target: Target, place: Workplace, deadline: Deadline) -> "dict[str, Any]":
    """Return everything that is decided by. Raise RefusedError if this server or account cannot do it at all.

    Only a database whose program crashed is left with a -shm, as every reader leaves one.
    """
    require_backup()
    if not place.has(MARKER):
        require_free_place(target)
    users = users_of(target.files())  # before SQLite opens it, since this opens and closes the files
    found = look_at(target, deadline)
    room = os.statvfs(target.folder)
    live = sum(os.lstat(path).st_size for path in target.files()[:2])
    found.update(size=live, open_by=users, runtime=f"python {platform.python_version()}, SQLite {sqlite3.sqlite_version}")
    found.update(room_free=room.f_bavail * room.f_frsize)
    found.update(room_needed=max(0, room_for(request.size, live) - place.used()))
    return found


def room_for(copy: int, live: int) -> int:
    """Return how many bytes of the target's disk a recovery takes at most.

    The copy, and what is there, kept to roll back to; then either the journal or -wal that the one transaction writes, which
    holds every page of the larger of the two, or the new file that takes the old one's place. A tenth for indexes of the
    -wal and the file system's own, and something for records.
    """
    return (copy + live + max(copy, live)) * 11 // 10 + SPARE_ROOM


def require_free_place(target: Target) -> None:
    """Raise RefusedError if a file that is to be new would come to lie on or beside something."""
    if not target.is_new:
        return
    if target.exists:
        raise RefusedError("target_exists", "something is there already, and the fleet file does not name it as a database")
    if target.stale_sidecars():
        raise RefusedError("stale_sidecars", f"{', '.join(target.stale_sidecars())} of another database lies there")


def look_at(target: Target, deadline: Deadline) -> "dict[str, Any]":
    """Return the target's state, journal mode, page size and schema."""
    found = {"target_state": "healthy", "journal_mode": None, "page_size": None}  # type: dict[str, Any]
    found.update(schema_sha256=None, notes=[])
    if not target.exists:
        stale = target.stale_sidecars()
        notes = [f"{', '.join(stale)} lies there without its database, and is set aside"] if stale else []
        return dict(found, target_state="missing", notes=notes)
    try:
        source = Source(os.fsdecode(target.path))
    except RefusedError as error:
        states = {"empty": "empty", "not_a_database": "foreign"}
        if error.reason not in states:
            raise
        return dict(found, target_state=states[error.reason], notes=[error.cause])
    with open(target.path, "rb") as file:
        found.update(page_size=page_size_of(file.read(100)), journal_mode="wal" if source.is_wal else "rollback")
    deadline.narrow(LOCK_WAIT_SECONDS, "locked")
    try:
        found.update(_look_inside(source, deadline))
    except sqlite3.Error as error:
        found.update(_verdict(explain(error, source)))
    deadline.widen()
    return found


def _look_inside(source: Source, deadline: Deadline) -> "dict[str, Any]":
    before, options = source.state(), way_to_look(source.path)
    try:
        seen = _read_schema(source, deadline, options)
    except sqlite3.Error:
        if source.state() == before:
            raise
        seen = None
    if seen is None or (options != READ_ONLY and source.state() != before):
        seen = _read_schema(source, deadline, READ_ONLY)  # a program has opened it meanwhile, so its sidecars are there
    return seen


def _read_schema(source: Source, deadline: Deadline, options: str) -> "dict[str, Any]":
    with closing(connect(source.path, deadline, options)) as connection:
        if not begin_reading(connection, deadline):
            return {"target_state": "empty", "notes": ["it has no tables"]}
        return {"schema_sha256": schema_sha256(schema_of(connection))}


def _verdict(refused: RefusedError) -> "dict[str, Any]":
    """Return what SQLite's refusal says of the state; raise it if it says nothing of it."""
    if refused.reason in ("damaged", "not_a_database"):
        return {"target_state": "damaged", "notes": [refused.cause]}
    if refused.reason == "hot_journal":
        return {"notes": [HOT_JOURNAL]}
    raise refused
"""The copy on its way to the server, and the proof that it has arrived whole."""

import json
import os
import signal
from typing import Any, BinaryIO






SILENCE_SECONDS = 120
"""How long our side may send nothing before the kernel ends this process; what arrived until then stays."""


def received(request: Request, place: Workplace) -> int:
    """Return how many bytes of the copy are here."""
    return request.size if place.has(COPY) else place.size_of(COPY_PARTIAL)


def receive(request: Request, place: Workplace, deadline: Deadline, stdin: Any, stdout: BinaryIO) -> "dict[str, int]":
    """Append what comes after byte `offset` until the input ends, and return how many bytes there are then.

    The first reply tells that this is ready. What was read is written at once: however it ends, what arrived stays.
    """
    with place.held(deadline):
        if place.has(COPY):
            return {"received": request.size}
        if place.size_of(COPY_PARTIAL) < request.offset:
            raise RefusedError("gap", f"{place.size_of(COPY_PARTIAL)} bytes are here, and the next is number {request.offset}")
        descriptor = os.open(place.file(COPY_PARTIAL), os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            os.ftruncate(descriptor, request.offset)
            os.lseek(descriptor, request.offset, os.SEEK_SET)
            stdout.write((json.dumps({"fleetsave": 1, "ok": {"ready": request.offset}}) + "\n").encode())
            stdout.flush()
            size = _append(descriptor, request, stdin)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return {"received": size}


def _append(descriptor: int, request: Request, stdin: Any) -> int:
    size = request.offset
    until = signal.alarm(SILENCE_SECONDS)
    try:
        while True:
            block = stdin.read1(CHUNK)
            if not block:
                return size
            signal.alarm(SILENCE_SECONDS)
            size += len(block)
            if size > request.size:
                raise RefusedError("altered_copy", f"more came than the {request.size} bytes of the backup")
            while block:
                block = block[os.write(descriptor, block) :]
    finally:
        signal.alarm(until)


def check_copy(request: Request, place: Workplace, deadline: Deadline) -> "dict[str, Any]":
    """Hash the copy, examine it, and give it its name if it is sound; what was checked once is not checked again."""
    with place.held(deadline):
        report = place.read(COPY_REPORT)
        if report is not None and place.has(COPY) and report["sha256"] == request.sha256:
            return report
        digest = _digest(request, place, deadline)
        report = dict(examine_file(place.file(COPY_PARTIAL), request.checks or {}, deadline), **digest)
        if report["integrity"] != "failed":
            place.note(COPY_REPORT, report)
            place.publish(COPY_PARTIAL, COPY)
        return report


def _digest(request: Request, place: Workplace, deadline: Deadline) -> "dict[str, Any]":
    """Return digest and size; a copy that is not the backup is removed, so that it is sent anew from its first byte."""
    size, sha256 = place.size_of(COPY_PARTIAL), ""
    if size == request.size:
        with open(place.file(COPY_PARTIAL), "rb") as file:
            os.fsync(file.fileno())
            sha256 = sha256_of(file.fileno(), size, deadline)
    if sha256 != request.sha256:
        place.discard(COPY_PARTIAL)
        seen = f"sha256 {sha256}" if sha256 else f"{size} bytes"
        raise RefusedError("altered_copy", f"{seen} arrived, the backup has {request.sha256} and {request.size} bytes")
    return {"sha256": sha256, "size": size}


def checked_copy(request: Request, place: Workplace) -> "dict[str, Any]":
    """Return the report of the checked copy. Raise RefusedError if there is none, or it is of another backup."""
    report = place.read(COPY_REPORT)
    if report is None or not place.has(COPY) or report["sha256"] != request.sha256:
        raise RefusedError("no_copy", "no checked copy of this backup lies beside the target")
    return report
"""The swap through SQLite: one transaction on the live database, which programs that have it open live through.

However this process ends, SQLite keeps the database old or new: what was not committed is taken back by whoever opens it
next. Nothing of the live database is opened here but by SQLite, or the lock would be lost.
"""

import json
import sqlite3
from contextlib import closing
from typing import Any








FOR_WRITING = "?mode=rw"
LOCK_TRY_MILLISECONDS = 50
"""How long one try waits with the next readers held back, so that those there can end."""
BETWEEN_TRIES_SECONDS = 0.001
"""A busy writer leaves gaps of a millisecond; SQLite's own waiting, and Python's quarter of a second, miss them for seconds."""
TRUNCATE_MILLISECONDS = 100
UNDER_WAY, DONE = 0, 101
"""What SQLite says after a step that wrote, and after the last; all else means that the lock is not to be had yet."""


class NothingChangedError(RefusedError):
    """The transaction surely was not committed."""


def keep_before(target: Target, place: Workplace, deadline: Deadline) -> None:
    """Keep what is in the live database, for `roll_back`; a hot journal is rolled back first, as the game would."""
    place.discard(BEFORE_PARTIAL)
    with closing(connect(target.path, deadline, FOR_WRITING)) as live:
        begin_reading(live, deadline)
        with closing(connect(place.file(BEFORE_PARTIAL), deadline, "")) as before:
            before.execute("PRAGMA journal_mode=OFF")
            before.execute("PRAGMA synchronous=OFF")
            live.backup(before, pages=STEP_PAGES, progress=deadline.check)
        live.execute("ROLLBACK")
    place.publish(BEFORE_PARTIAL, BEFORE)


def journal_mode_of(target: Target, deadline: Deadline) -> "tuple[str, int]":
    """Return the live database's journal mode and page size."""
    with closing(connect(target.path, deadline, FOR_WRITING)) as live:
        begin_reading(live, deadline)
        (mode,) = live.execute("PRAGMA journal_mode").fetchone()
        (page_size,) = live.execute("PRAGMA page_size").fetchone()
        live.execute("ROLLBACK")
        return mode, page_size


def fit_copy(path: bytes, live_mode: str, live_page_size: int, deadline: Deadline) -> None:
    """Give the copy the live database's journal mode: backup() copies page 1, and the journal mode with it.

    Otherwise the restore would silently turn a rollback-journal database into a WAL one. Raise RefusedError for a WAL
    database of another page size: SQLite cannot change that under WAL.
    """
    with open(path, "rb") as file:
        header = file.read(100)
    if live_mode == "wal" and page_size_of(header) != live_page_size:
        cause = f"it is a WAL database with pages of {live_page_size} bytes, and the copy's have {page_size_of(header)}"
        raise RefusedError("page_size_differs", cause)
    if (header[18:20] == b"\2\2") == (live_mode == "wal"):
        return
    wanted = "wal" if live_mode == "wal" else "delete"
    with closing(connect(path, deadline, FOR_WRITING)) as copy:
        (mode,) = copy.execute(f"PRAGMA journal_mode={wanted}").fetchone()
    if mode != wanted:
        raise RefusedError("sqlite_error", f"the copy's journal mode stays {mode}")


def write_through(path: bytes, target: Target, checks: "dict[str, str]", deadline: Deadline) -> "dict[str, Any]":
    """Make the live database what the file at `path` is, and compare. Raise NothingChangedError if it surely stayed as it was.

    Equal fingerprints prove it. If they differ, `data_version` tells whether another connection has committed since it
    was looked at first: if none has, the restore went wrong; if one has, only the schema can be compared.
    """
    with closing(connect(path, deadline, AS_IT_LIES)) as copy, closing(connect(target.path, deadline, FOR_WRITING)) as live:
        begin_reading(copy, deadline)
        expected = json.loads(json.dumps(fingerprint(copy, checks)))
        copy.execute("ROLLBACK")
        version = _data_version(live, deadline)
        _write(copy, live, deadline)
        begin_reading(live, deadline)
        found = json.loads(json.dumps(fingerprint(live, checks)))
        (compared,) = live.execute("PRAGMA data_version").fetchone()
        (mode,) = live.execute("PRAGMA journal_mode").fetchone()
        live.execute("ROLLBACK")
        moved_on = found != expected
        if moved_on and (compared == version or found["schema_sha256"] != expected["schema_sha256"]):
            raise RefusedError("not_equal", _difference(expected, found))
        if mode == "wal":
            _empty_wal(live)
        # What is noted here is a state whose content was compared, unless somebody has committed since.
        state = target.state()
        return {"fingerprint": found, "moved_on": moved_on, "state": state if _data_version(live, deadline) == compared else None}


def _data_version(connection: sqlite3.Connection, deadline: Deadline) -> int:
    begin_reading(connection, deadline)  # which finds the gaps that a busy writer leaves
    (version,) = connection.execute("PRAGMA data_version").fetchone()
    connection.execute("ROLLBACK")
    return int(version)


def _write(copy: sqlite3.Connection, live: sqlite3.Connection, deadline: Deadline) -> None:
    # As FULL, and the journal's removal is made to last as well. It reads the schema, and so needs a lock.
    ask_often(live, deadline, "PRAGMA synchronous=EXTRA")
    live.execute(f"PRAGMA busy_timeout={LOCK_TRY_MILLISECONDS}")

    def progress(status: int, _remaining: int, _total: int) -> None:
        if status == DONE or not deadline.passed():  # once it is done it is committed, and late is no failure
            return
        if status == UNDER_WAY:
            raise NothingChangedError("deadline", f"it was not written within {deadline.limit:g} s")
        raise NothingChangedError("locked", f"there was no moment within {deadline.limit:g} s in which nobody else used it")

    try:
        copy.backup(live, pages=STEP_PAGES, progress=progress, sleep=BETWEEN_TRIES_SECONDS)
    except sqlite3.OperationalError as error:
        if not is_out_of_room(error):
            raise
        raise NothingChangedError("disk_full", str(error)) from None


def _empty_wal(live: sqlite3.Connection) -> None:
    """Move the -wal into the database and cut it, or it stays as large as the database; a busy program is no error."""
    live.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
    live.execute(f"PRAGMA busy_timeout={TRUNCATE_MILLISECONDS}")
    try:
        live.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    except sqlite3.OperationalError as error:
        if "locked" not in str(error):
            raise


def _difference(expected: "dict[str, Any]", found: "dict[str, Any]") -> str:
    for what in ("schema_sha256", "row_counts", "checks"):
        if expected[what] != found[what]:
            return f"{what} of the live database is {str(found[what])[:150]}, the copy's is {str(expected[what])[:150]}"
    return "the live database differs from the copy"
"""The swap by renaming: what is there is moved aside as one set, and a new file takes its place.

Only while nobody has the database open: a program that has it open would go on with a file that has lost its name. Each
step can be repeated, and the marker tells which came last.
"""

import errno
import hashlib
import os
import stat
from typing import Any








def require_unused(target: Target) -> None:
    """Raise RefusedError, naming them, if processes have the target open."""
    users = users_of(target.files())
    if users:
        raise RefusedError("in_use", f"open by {', '.join(users)}")


def make_new(request: Request, target: Target, place: Workplace, deadline: Deadline) -> "dict[str, Any]":
    """Make the finished file, with mode and owner of the old one, or the folder's owner; return what it is known by."""
    place.discard(NEW_PARTIAL)
    place.discard(NEW)
    digest = hashlib.sha256()
    with open(place.file(COPY), "rb") as copy, open(place.file(NEW_PARTIAL), "wb") as new:
        for block in iter(lambda: copy.read(CHUNK), b""):
            deadline.check()
            digest.update(block)
            new.write(block)
        if digest.hexdigest() != request.sha256:
            place.discard(COPY)
            raise RefusedError("altered_copy", "the copy is no longer what was checked")
        _give_owner(target, new.fileno())
    place.publish(NEW_PARTIAL, NEW)
    status = os.stat(place.file(NEW))
    return {"new": identity_of(place.file(NEW)), "state": [status.st_size, status.st_mtime_ns, 0, 0]}


def _give_owner(target: Target, descriptor: int) -> None:
    try:
        like = os.stat(target.path)
        mode = stat.S_IMODE(like.st_mode)
    except FileNotFoundError:
        like = os.stat(target.folder)
        mode = 0o600 | stat.S_IMODE(like.st_mode) & 0o060  # as shared with the group as the folder is
    made = os.fstat(descriptor)
    if (made.st_uid, made.st_gid) != (like.st_uid, like.st_gid):
        os.fchown(descriptor, like.st_uid, like.st_gid)
    os.fchmod(descriptor, mode)


def identity_of(path: bytes) -> "list[int]":
    """Return device and inode of what is at a path, nothing if nothing is."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return []
    return [status.st_dev, status.st_ino]


def put_new(marker: "dict[str, Any]", target: Target, place: Workplace) -> None:
    """Move what is there aside, and let the new file take its place; nothing that appeared meanwhile is ever replaced."""
    if identity_of(target.path) != marker["new"]:
        if not place.has(NEW):
            raise RefusedError("not_whole", "the new file has gone from where it was put")
        _move_aside(marker, target, place)
        _link(place.file(NEW), target.path)
        sync_folder(target.folder)
    place.discard(NEW)
    sync_folder(place.path)


def _move_aside(marker: "dict[str, Any]", target: Target, place: Workplace) -> None:
    """Move the old set: the database first, for a database without its -wal would lose commits without a word."""
    aside = place.folder(ASIDE)
    if identity_of(target.path) not in ([], marker["old"]):
        raise RefusedError("target_exists", "another file has appeared there while the old one was moved aside")
    for suffix in WHOLE_SET:
        here, there = target.path + suffix, os.path.join(aside, target.name + suffix)
        if os.path.lexists(here):
            _require_absent(there)
            os.rename(here, there)
    sync_folder(aside)
    sync_folder(target.folder)


def take_back_new(target: Target, place: Workplace, marker: "dict[str, Any]") -> None:
    """Move the new file away with what has come beside it. Raise RefusedError if another file stands there."""
    here = identity_of(target.path)
    undone = place.folder(UNDONE)
    if here and here != marker["new"]:
        if here == marker["old"]:
            return  # nothing had been moved yet
        raise RefusedError("target_exists", "what stands there now is neither the old file nor the restored one")
    was_moved = bool(here) or os.path.lexists(os.path.join(undone, target.name))
    for suffix in WHOLE_SET if was_moved else ():
        if os.path.lexists(target.path + suffix):
            os.rename(target.path + suffix, os.path.join(undone, target.name + suffix))
    sync_folder(target.folder)


def put_back_old(target: Target, place: Workplace) -> None:
    """Move the old set back, the database last: it never stands there without its -wal."""
    aside = place.folder(ASIDE)
    for suffix in reversed(WHOLE_SET):
        there = os.path.join(aside, target.name + suffix)
        if os.path.lexists(there):
            _link(there, target.path + suffix)
            os.unlink(there)
    sync_folder(target.folder)
    sync_folder(aside)


def _require_absent(path: bytes) -> None:
    if os.path.lexists(path):
        raise RefusedError("target_exists", f"there are two files that belong at {os.fsdecode(path)}")


def _link(source: bytes, path: bytes) -> None:
    """Give a file its name unless anything has that name: a rename would replace it."""
    try:
        os.link(source, path, follow_symlinks=False)
    except FileExistsError:
        if identity_of(source) != identity_of(path):
            raise RefusedError("target_exists", f"{os.fsdecode(path)} has appeared meanwhile") from None
    except OSError as error:
        if error.errno in (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK):
            raise RefusedError("no_hard_links", f"{os.fsdecode(path)}: {error.strerror}") from None
        raise
"""The swap and the way back, each of which can be repeated after it was cut off anywhere: the marker says how far it came."""

import os
import time
from typing import Any























IN_PLACE, SET_ASIDE, PLACE = "in_place", "set_aside", "place"
BEGUN, FINISHED = "begun", "finished"
UNDOING, RETURNING, ROLLED_BACK = "undoing", "returning", "rolled_back"
NOTHING_SWAPPED = "Nothing had been swapped: the target is as it was."


def swap(request: Request, target: Target, place: Workplace, deadline: Deadline) -> "dict[str, Any]":
    """Let the copy take the target's place and return the report; what was finished before is told again."""
    if request.method not in (IN_PLACE, SET_ASIDE, PLACE):
        raise RefusedError("bad_request", f"there is no method {request.method!r}")
    with place.held(deadline):
        marker = place.read(MARKER)
        if marker is not None:
            if marker["phase"] not in (BEGUN, FINISHED):
                raise RefusedError("rolled_back", "this recovery has been taken back")
            if marker["method"] != request.method:
                raise RefusedError("other_method", f"the swap was begun by the method {marker['method']}")
            if marker["phase"] == FINISHED:
                return dict(marker["report"])
        started = time.monotonic()
        if request.method == IN_PLACE:
            marker = _swap_in_place(request, target, place, deadline, marker)
        else:
            marker = _swap_by_renaming(request, target, place, deadline, marker)
        marker["report"]["seconds"] = round(time.monotonic() - started, 6)
        place.note(MARKER, dict(marker, phase=FINISHED))
        return dict(marker["report"])


def _swap_in_place(
    request: Request, target: Target, place: Workplace, deadline: Deadline, begun: "dict[str, Any] | None"
) -> "dict[str, Any]":
    require_backup()
    checked_copy(request, place)
    if not target.exists:
        raise RefusedError("missing", "there is no database any more")
    Source(os.fsdecode(target.path))  # what is no database is refused by name
    mode, page_size = journal_mode_of(target, deadline)
    fit_copy(place.file(COPY), mode, page_size, deadline)
    marker = begun or {"method": IN_PLACE, "phase": BEGUN, "keep_aside": True}
    if begun is None:
        # Never taken again once the live database may have been written: it would be the restored one.
        keep_before(target, place, deadline)
        place.note(MARKER, marker)
    elif not place.has(BEFORE):
        raise RefusedError("before_lost", "what was kept to roll back to has gone")
    try:
        outcome = write_through(place.file(COPY), target, request.checks or {}, deadline)
    except NothingChangedError:
        if begun is None:
            place.discard(MARKER)
        raise
    report = {
        "method": IN_PLACE,
        "fingerprint": outcome["fingerprint"],
        "moved_on": outcome["moved_on"],
        "kept": None,
        "notes": [],
    }
    return dict(marker, report=report, state=outcome["state"])


def _swap_by_renaming(
    request: Request, target: Target, place: Workplace, deadline: Deadline, begun: "dict[str, Any] | None"
) -> "dict[str, Any]":
    checked = checked_copy(request, place)
    marker = begun
    if marker is None:
        _require_renamable(request, target)
        marker = {"method": request.method, "phase": BEGUN, "keep_aside": request.keep_aside}
        marker.update(make_new(request, target, place, deadline), old=identity_of(target.path))
        require_unused(target)
        place.note(MARKER, marker)
    put_new(marker, target, place)
    aside = place.file(ASIDE)
    has_kept = marker["keep_aside"] and bool(os.listdir(aside))
    report = {"method": request.method, "fingerprint": checked["fingerprint"], "moved_on": False, "notes": []}
    report["kept"] = os.fsdecode(aside) if has_kept else None
    return dict(marker, report=report)


def _require_renamable(request: Request, target: Target) -> None:
    require_free_place(target)
    if request.method == PLACE and target.exists:
        raise RefusedError("target_exists", "something is there, and this method replaces nothing")
    require_unused(target)


def roll_back(target: Target, place: Workplace, deadline: Deadline) -> str:
    """Bring back what the swap replaced, and say so in a sentence; what was rolled back before is told again."""
    if not place.exists:
        return NOTHING_SWAPPED
    with place.held(deadline):
        marker = place.read(MARKER)
        if marker is None:
            return NOTHING_SWAPPED
        if marker["phase"] != ROLLED_BACK:
            if marker["method"] == IN_PLACE:
                sentence = _undo_in_place(target, place, deadline, marker)
            else:
                sentence = _undo_renaming(target, place, marker)
            marker = dict(marker, phase=ROLLED_BACK, sentence=sentence)
            place.note(MARKER, marker)
        return str(marker["sentence"])


def _undo_in_place(target: Target, place: Workplace, deadline: Deadline, marker: "dict[str, Any]") -> str:
    if not place.has(BEFORE):
        raise RefusedError("before_lost", "what was kept to roll back to has gone")
    if not target.exists:
        raise RefusedError("missing", "there is no database any more that could be rolled back")
    place.note(MARKER, dict(marker, phase=UNDOING))
    mode, page_size = journal_mode_of(target, deadline)
    fit_copy(place.file(BEFORE), mode, page_size, deadline)
    write_through(place.file(BEFORE), target, {}, deadline)
    return "The database is again as it was right before the swap, in one transaction; what was written since is gone."


def _undo_renaming(target: Target, place: Workplace, marker: "dict[str, Any]") -> str:
    if marker["phase"] != RETURNING:
        require_unused(target)
        place.note(MARKER, dict(marker, phase=UNDOING))
        take_back_new(target, place, marker)
        place.note(MARKER, dict(marker, phase=RETURNING))
    put_back_old(target, place)
    return "The restored file has been taken away, and what stood there before stands there again."


def clean_up(place: Workplace, deadline: Deadline) -> bool:
    """Remove everything of this recovery but what was set aside to be kept, and tell whether such a set stays.

    Raise RefusedError while a swap is half-way: what was there may be nowhere else.
    """
    if not place.exists:
        return False
    with place.held(deadline):
        marker = place.read(MARKER)
        if marker is not None and marker["phase"] not in (FINISHED, ROLLED_BACK):
            raise RefusedError("unfinished", "the swap was begun, and neither finished nor rolled back")
        keep = marker is None or marker["phase"] != FINISHED or marker["keep_aside"]
        place.remove(keep=ASIDE if keep else "")
        return place.exists
"""The proof that the restored database is sound where it lives, with the programs that use it running."""

import os
import sqlite3
from contextlib import closing
from typing import Any








def verify(request: Request, target: Target, place: Workplace, deadline: Deadline) -> "dict[str, Any]":
    """Examine the live database, and tell what the copy holds and whether anybody has written since the swap.

    `written` is false only if the files are exactly those whose content the swap compared: then every difference is a fault.
    """
    expected = checked_copy(request, place)["fingerprint"]
    found = _examine_live(request, target, deadline)
    marker = place.read(MARKER) or {}
    written = marker.get("report", {}).get("moved_on", True) or target.state() != marker.get("state")
    return dict(found, expected=expected, written=written)


def _examine_live(request: Request, target: Target, deadline: Deadline) -> "dict[str, Any]":
    try:
        Source(os.fsdecode(target.path))
    except FileNotFoundError:
        return {"integrity": "failed", "detail": "there is no database any more", "fingerprint": None}
    except RefusedError as error:
        if error.reason not in ("empty", "not_a_database"):
            raise
        return {"integrity": "failed", "detail": error.cause, "fingerprint": None}
    before, options = target.state(), way_to_look(target.path)
    try:
        found = _examine_by(options, request, target, deadline)
    except sqlite3.Error:
        if options != AS_IT_LIES or target.state() == before:
            raise
        return _examine_by(READ_ONLY, request, target, deadline)
    if options == AS_IT_LIES and target.state() != before:  # a program has opened it meanwhile
        return _examine_by(READ_ONLY, request, target, deadline)
    return found


def _examine_by(options: str, request: Request, target: Target, deadline: Deadline) -> "dict[str, Any]":
    with closing(connect(target.path, deadline, options)) as connection:
        return examine(connection, request.checks or {}, deadline)
"""The requests of a recovery, each by its name."""

import os
import sqlite3
from typing import Any, BinaryIO









RESTORE = "restore_"
"""What the operations of a recovery begin with."""
LEAST_ROOM = 64 << 10


def recover(request: Request, deadline: Deadline, stdin: Any, stdout: BinaryIO) -> object:
    """Do what a request of a recovery asks."""
    target = Target(request)
    try:
        return _recover(request, target, deadline, stdin, stdout)
    except sqlite3.Error as error:
        refused = explain(error, _source_of(target))
        if refused.reason == "io_error" and _is_full(target):
            refused = RefusedError("disk_full", f"{refused.cause}, and the disk is full")
        raise refused from None


def _recover(request: Request, target: Target, deadline: Deadline, stdin: Any, stdout: BinaryIO) -> object:
    place, operation = Workplace(request, target), request.operation[len(RESTORE) :]
    if operation == "survey":
        return survey(request, target, place, deadline)
    if operation == "received":
        return {"received": received(request, place)}
    if operation == "receive":
        return receive(request, place, deadline, stdin, stdout)
    if operation == "check":
        return check_copy(request, place, deadline)
    if operation == "verify":
        return verify(request, target, place, deadline)
    return _change(request, target, place, deadline)


def _change(request: Request, target: Target, place: Workplace, deadline: Deadline) -> object:
    operation = request.operation[len(RESTORE) :]
    if operation == "swap":
        return swap(request, target, place, deadline)
    if operation == "roll_back":
        return {"sentence": roll_back(target, place, deadline)}
    if operation == "clean_up":
        return {"left": clean_up(place, deadline)}
    raise RefusedError("bad_request", f"there is no operation {request.operation!r}")


def _is_full(target: Target) -> bool:
    """Tell whether there is no room for a -shm: SQLite calls that an I/O error."""
    room = os.statvfs(target.folder)
    return room.f_bavail * room.f_frsize < LEAST_ROOM


def _source_of(target: Target) -> "Source | None":
    """Return the database that SQLite complained of, if it can be looked at; by now nothing has it open here."""
    try:
        return Source(os.fsdecode(target.path))
    except (OSError, RefusedError):
        return None
"""One request in, one reply out: the last part of the on-server script."""

import json
import os
import platform
import signal
import sqlite3
import sys
from typing import Any, BinaryIO







GRACE_SECONDS = 10
"""How long after its deadline the kernel ends this process, whatever it hangs in; its locks end with it."""


def answer(request: Request, stdin: BinaryIO, stdout: BinaryIO) -> "dict[str, Any]":
    """Do what a request asks and return the reply; every failure is a reply too."""
    source, deadline = None, Deadline(request.deadline)
    try:
        if request.operation.startswith(RESTORE):
            return {"ok": recover(request, deadline, stdin, stdout)}
        if request.operation not in ("snapshot", "hold", "pair"):
            return {"ok": _keep_house(request)}
        source = Source(request.path)
        if request.operation == "hold":
            return {"ok": hold(request, source, deadline, stdin, stdout)}
        return {"ok": take_snapshot(request, source, deadline) if request.operation == "snapshot" else look_at_pair(source)}
    except RefusedError as error:
        refused = error
    except (sqlite3.Error, OSError) as error:
        refused = explain(error, source)
    if refused.cause == "interrupted":  # SQLite was, by whichever limit passed
        refused = deadline.refusal()
    return {"error": refused.reason, "cause": refused.cause}


def _keep_house(request: Request) -> object:
    if request.operation == "probe":
        has_backup = hasattr(sqlite3.Connection, "backup")
        return {"python": platform.python_version(), "sqlite": sqlite3.sqlite_version, "backup": has_backup}
    staging = Staging(request.staging)
    if request.operation == "sweep":
        return staging.sweep(request.older_than)
    if request.operation == "drop":
        staging.drop(request.name)
    elif request.operation != "find":
        raise RefusedError("bad_request", f"there is no operation {request.operation!r}")
    return staging.find(request.name)


def main() -> None:
    """Read the request from standard input and write the reply to standard output."""
    request = Request(json.loads(sys.stdin.buffer.readline().decode()))
    signal.alarm(int(request.deadline) + GRACE_SECONDS)
    os.umask(0o077)
    reply = dict(answer(request, sys.stdin.buffer, sys.stdout.buffer), fleetsave=1)
    sys.stdout.buffer.write((json.dumps(reply, sort_keys=True) + "\n").encode())
    sys.stdout.buffer.flush()
    os._exit(0)  # descriptors that guard a lock are closed by the kernel, all at once


"""Which paths of a tree are wanted: patterns, followed name by name on the way down."""

import fnmatch
import re




class PathPatterns:
    """Patterns relative to a tree: `*`, `?` and `[...]` match within one name, `**` any number of folders.

    What matches a folder means all that is in it. How far a path has come are its places: numbers of patterns,
    each with how many of its names are matched. Raise RefusedError for a pattern that cannot be read.
    """

    def __init__(self, patterns: "list[str]") -> None:
        self._patterns = [[_name_pattern(name) for name in pattern.split("/")] for pattern in patterns]

    def start(self) -> "frozenset[tuple[int, int]]":
        """Return where the tree's own folder stands."""
        return self._with_skipped({(number, 0) for number in range(len(self._patterns))})

    def below(self, places: "frozenset[tuple[int, int]]", name: bytes) -> "frozenset[tuple[int, int]]":
        """Return where something stands that is called `name`, in a folder at `places`; nowhere if nothing there can match."""
        if self.matched(places):
            return places
        text = name.decode("utf-8", "surrogateescape")
        reached = set()
        for number, position in places:
            names = self._patterns[number]
            wanted = names[position]
            if wanted is None:
                reached.add((number, position + 1 if position == len(names) - 1 else position))
            elif wanted.match(text):
                reached.add((number, position + 1))
        return self._with_skipped(reached)

    def matched(self, places: "frozenset[tuple[int, int]]") -> bool:
        """Tell whether a pattern has been matched to its end."""
        return any(position == len(self._patterns[number]) for number, position in places)

    def _with_skipped(self, places: "set[tuple[int, int]]") -> "frozenset[tuple[int, int]]":
        """Add what is reached by letting a `**` stand for no folder; at a pattern's end it stands for something in one."""
        for number, position in list(places):
            names = self._patterns[number]
            reached = position
            while reached < len(names) - 1 and names[reached] is None:
                reached += 1
                places.add((number, reached))
        return frozenset(places)


class PathFilter:
    """What of a tree is archived: what `include` matches, but for what `exclude` matches."""

    def __init__(self, include: "list[str]", exclude: "list[str]") -> None:
        self._include = PathPatterns(include)
        self._exclude = PathPatterns(exclude)

    def start(self) -> "tuple[frozenset[tuple[int, int]], frozenset[tuple[int, int]]]":
        """Return where the tree's own folder stands."""
        return self._include.start(), self._exclude.start()

    def below(
        self, place: "tuple[frozenset[tuple[int, int]], frozenset[tuple[int, int]]]", name: bytes
    ) -> "tuple[frozenset[tuple[int, int]], frozenset[tuple[int, int]]] | None":
        """Return where something in a folder stands, None if neither it nor anything in it is wanted."""
        included = self._include.below(place[0], name)
        excluded = self._exclude.below(place[1], name)
        return None if not included or self._exclude.matched(excluded) else (included, excluded)

    def takes(self, place: "tuple[frozenset[tuple[int, int]], frozenset[tuple[int, int]]]") -> bool:
        """Tell whether what stands there is wanted itself; else it may be a folder on the way to what is."""
        return self._include.matched(place[0])


def _name_pattern(name: str) -> "re.Pattern[str] | None":
    if name == "**":
        return None
    try:
        return re.compile(fnmatch.translate(name))
    except re.error as error:
        raise RefusedError("bad_pattern", f"{name!r}: {error}") from None
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
"""The headers of an archive's members: tar in its PAX form, which GNU tar, bsdtar and Python read alike."""

import re
import tarfile

TAR_BLOCK = 512
SPARSE_NAME = "GNUSparseFile.0/file"
"""The name in the header of a file with holes, whose own name stands in the PAX records: the reader must meet no other."""

LARGEST_SPARSE = 8**11 - 1
"""The most that a plain header can say a member has; a PAX record of the size would be taken for the size with the holes."""


class MemberMeta:
    """What is kept of anything beside its content; `xattrs` by name, `mtime_ns` since 1970."""

    def __init__(self, mode: int, uid: int, gid: int, user: str, group: str, mtime_ns: int, xattrs: "dict[str, bytes]") -> None:
        self.mode = mode
        self.uid = uid
        self.gid = gid
        self.user = user
        self.group = group
        self.mtime_ns = mtime_ns
        self.xattrs = xattrs


def member_header(name: str, kind: bytes, meta: MemberMeta, size: int = 0, target: str = "", sparse_size: int = -1) -> bytes:
    """Return a member's header with its PAX records; `kind` is one of tarfile's types, names may hold surrogate escapes.

    A file with holes has its whole size as `sparse_size`, and as `size` what its map and its data take.
    """
    info = tarfile.TarInfo(name)
    info.type = kind
    info.size = size
    info.mode = meta.mode
    info.uid, info.gid, info.uname, info.gname = meta.uid, meta.gid, meta.user, meta.group
    info.mtime = max(0, meta.mtime_ns // 1000000000)
    info.linkname = target
    records = {"mtime": _mtime_text(meta.mtime_ns)}
    if sparse_size >= 0:
        info.name = SPARSE_NAME
        records.update({"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": name})
        records["GNU.sparse.realsize"] = str(sparse_size)
    for key, value in sorted(meta.xattrs.items()):
        records["SCHILY.xattr." + _record_key(key)] = value.decode("utf-8", "surrogateescape")
    info.pax_headers = records
    return info.tobuf(format=tarfile.PAX_FORMAT, encoding="utf-8", errors="surrogateescape")


def sparse_map(segments: "list[tuple[int, int]]", size: int) -> bytes:
    """Return where the data of a file with holes lies, as GNU's sparse format 1.0 has it, in whole blocks."""
    told = segments if segments and sum(segments[-1]) == size else [*segments, (size, 0)]  # what ends in a hole needs an end
    numbers = [len(told)] + [number for segment in told for number in segment]
    text = "".join(f"{number}\n" for number in numbers).encode()
    return text + tar_padding(len(text))


def tar_padding(size: int) -> bytes:
    """Return the zeros that fill up the last block of so many bytes."""
    return b"\0" * (-size % TAR_BLOCK)


def _mtime_text(nanoseconds: int) -> str:
    sign = "-" if nanoseconds < 0 else ""
    seconds, rest = divmod(abs(nanoseconds), 1000000000)
    return f"{sign}{seconds}.{rest:09d}"


def _record_key(name: str) -> str:
    """Return an attribute's name without what ends a key, written as GNU tar does."""
    return re.sub("[%=]", lambda match: "%25" if match.group() == "%" else "%3D", name)
"""The manifest while it grows: its lines are kept compressed, for it comes last and may be about millions of files."""

import hashlib
import json
import zlib
from collections.abc import Iterator


class ManifestLines:
    """Lines of JSON: a header that names the archive, then an entry for each member. Sizes and `sha256` are of the plain text."""

    def __init__(self, snapshot_id: str) -> None:
        self.size = 0
        self._digest = hashlib.sha256()
        self._packer = zlib.compressobj(6)
        self._packed = []  # type: list[bytes]
        self.add({"fleetsave_manifest": 1, "snapshot_id": snapshot_id})

    def add(self, values: "dict[str, object]") -> None:
        """Add one line; it is pure ASCII."""
        line = json.dumps(values, separators=(",", ":")).encode() + b"\n"
        self.size += len(line)
        self._digest.update(line)
        packed = self._packer.compress(line)
        if packed:
            self._packed.append(packed)

    @property
    def sha256(self) -> str:
        """Return the digest of all lines so far."""
        return self._digest.hexdigest()

    def pieces(self, largest: int) -> "Iterator[bytes]":
        """Yield the whole text in pieces of at most `largest` bytes; nothing can be added any more."""
        self._packed.append(self._packer.flush())
        unpacker = zlib.decompressobj()
        for packed in self._packed:
            rest = packed
            while rest:
                piece = unpacker.decompress(rest, largest)
                if piece:
                    yield piece
                rest = unpacker.unconsumed_tail
        piece = unpacker.flush()
        if piece:
            yield piece
"""Where the data of a file with holes lies."""

import errno
import os



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
"""What is in a file, read while a game may be writing it: small files at rest, large ones as long as they were when opened."""

import os
import time
from collections.abc import Iterator
from typing import Any




SMALL_FILE = 1 << 20
READ_SIZE = 256 << 10
READ_TRIES = 4
HOT_NANOSECONDS = 50 * 1000000
"""Two writes within one tick of the kernel's clock leave the same time: what was written just now is read twice."""

TICK_SECONDS = 0.02


class FileContent:
    """One file's content of `size` bytes, and what is kept beside it.

    `segments` are offset and length of its data where it has holes. `problem`, with its `detail`, is known once all pieces were
    taken; `sqlite` is how a database was captured.
    """

    def __init__(self, meta: MemberMeta, size: int, segments: "list[tuple[int, int]] | None" = None) -> None:
        self.meta = meta
        self.size = size
        self.segments = segments
        self.problem = ""
        self.detail = ""
        self.sqlite = None  # type: dict[str, Any] | None

    def pieces(self) -> "Iterator[bytes | int]":
        """Yield the data in order, and for each hole its length; together they are exactly `size` bytes."""
        raise NotImplementedError  # each kind of content gives its own

    def close(self) -> None:
        """Let go of the file; closing twice is no error."""


class StillContent(FileContent):
    """A small file, which is in memory."""

    def __init__(self, meta: MemberMeta, data: bytes, segments: "list[tuple[int, int]] | None" = None) -> None:
        super().__init__(meta, len(data), segments)
        self._data = data

    def pieces(self) -> "Iterator[bytes | int]":
        """Yield the whole of it."""
        if self.segments is None:
            yield self._data
            return
        position = 0
        for start, length in self.segments:
            yield start - position
            yield self._data[start : start + length]
            position = start + length
        yield self.size - position


class StreamedContent(FileContent):
    """A large file, read while it is archived: as long as it was when it was opened, whatever becomes of it."""

    def __init__(self, meta: MemberMeta, descriptor: int, status: "os.stat_result") -> None:
        super().__init__(meta, status.st_size, data_segments(descriptor, status))
        self._descriptor = descriptor
        self._before = status

    def pieces(self) -> "Iterator[bytes | int]":
        """Yield what is read, zeros for what is no longer there, and say so in `problem`."""
        position = 0
        for start, length in [(0, self.size)] if self.segments is None else self.segments:
            yield start - position
            yield from self._read(start, start + length)
            position = start + length
        yield self.size - position
        self._compare()

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _read(self, position: int, end: int) -> "Iterator[bytes]":
        while position < end:
            wanted = min(READ_SIZE, end - position)
            try:
                data = b"" if self.problem else os.pread(self._descriptor, wanted, position)
                seen = "it ended"
            except OSError as error:
                data, seen = b"", str(error.strerror)
            if not data:
                if not self.problem:
                    self.problem, self.detail = "shrunk", f"{seen} after {position} of {self.size} bytes; the rest is zeros"
                data = bytes(wanted)
            yield data
            position += len(data)

    def _compare(self) -> None:
        try:
            after = os.fstat(self._descriptor)
        except OSError as error:
            self.problem, self.detail = "changed", f"what became of it could not be seen: {error.strerror}"
            return
        if not self.problem and is_changed(self._before, after):
            self.problem, self.detail = what_changed(self.size, after.st_size)


def still_content(descriptor: int, meta_of: "Any") -> "FileContent | None":
    """Return a small file as it was at some moment, read again if it changed meanwhile; None if it is not small any more.

    `meta_of` makes what is kept beside it of its status. What changed each time is returned with its problem.
    """
    content = last = None
    for number in range(READ_TRIES):
        if number:
            time.sleep(TICK_SECONDS)
        before = os.fstat(descriptor)
        if before.st_size > SMALL_FILE:
            return None
        segments = data_segments(descriptor, before)
        data = _read_small(descriptor, before.st_size)
        after = os.fstat(descriptor)
        content = StillContent(meta_of(before), data[: before.st_size], segments if len(data) >= before.st_size else None)
        if not is_changed(before, after) and len(data) == before.st_size and (not _is_hot(before) or data == last):
            return content
        last = data
        content.problem, content.detail = what_changed(before.st_size, max(after.st_size, len(data)))
    return content


def settled_status(descriptor: int) -> "os.stat_result":
    """Return the status of a file once it tells of the next write, if it is not written all the time."""
    for _ in range(READ_TRIES):
        status = os.fstat(descriptor)
        if not _is_hot(status):
            break
        time.sleep(TICK_SECONDS)
    return status


def is_changed(before: "os.stat_result", after: "os.stat_result") -> bool:
    """Tell whether a file was written, or given another mode or owner, between two looks at it.

    One that lost a name, because another was renamed over it, was not.
    """
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        return True
    return before.st_ctime_ns != after.st_ctime_ns and before.st_nlink == after.st_nlink


def what_changed(before: int, after: int) -> "tuple[str, str]":
    """Return the problem of a file that was not at rest, and its detail, from its sizes when it was opened and read."""
    if after > before:
        return "grew", f"from {before} to at least {after} bytes while it was read; the first {before} are here"
    return "changed", "it was written while it was read"


def _read_small(descriptor: int, size: int) -> bytes:
    data = b""
    while len(data) <= size:
        block = os.pread(descriptor, size + 1 - len(data), len(data))
        if not block:
            break
        data += block
    return data


def _is_hot(status: "os.stat_result") -> bool:
    newest = max(status.st_mtime_ns, status.st_ctime_ns)
    return abs(int(time.time() * 1000000000) - newest) < HOT_NANOSECONDS
"""The archive as it is written: members one after the other, each with its line in the manifest."""

import base64
import hashlib
import tarfile
from collections.abc import Iterator
from typing import Any






FULL_PIECE = 256 << 10
"""How many bytes are handed on at once."""

MANIFEST_NAME = "manifest.jsonl"
MOST_NAMED, LARGEST_NAMED = 100, 64 << 10
"""How many problems a report names, and of how many characters: it must fit in a frame."""

ZEROS = bytes(FULL_PIECE)


class ArchiveWriter:
    """Writes one archive. Names are text with surrogate escapes; every method that may write much yields what is to be sent."""

    def __init__(self, snapshot_id: str) -> None:
        self.snapshot_id = snapshot_id
        self.position = 0
        self.links = {}  # type: dict[tuple[int, int], str]
        self._waiting = bytearray()
        self._digest = hashlib.sha256()
        self._lines = ManifestLines(snapshot_id)
        self._counts = {"files": 0, "directories": 0, "links": 0, "content_size": 0}
        self._databases = []  # type: list[str]
        self._problems = {}  # type: dict[str, int]
        self._named = []  # type: list[dict[str, str]]
        self._named_size = 0

    def directory(self, name: str, meta: MemberMeta) -> None:
        """Write a folder itself."""
        self._member(name, "directory", meta, member_header(name, tarfile.DIRTYPE, meta))
        self._counts["directories"] += 1

    def symlink(self, name: str, meta: MemberMeta, target: str) -> None:
        """Write a symbolic link."""
        self._member(name, "symlink", meta, member_header(name, tarfile.SYMTYPE, meta, target=target), {"target": target})
        self._counts["links"] += 1

    def hard_link(self, name: str, meta: MemberMeta, target: str) -> None:
        """Write another name of a member that came before."""
        self._member(name, "hardlink", meta, member_header(name, tarfile.LNKTYPE, meta, target=target), {"target": target})
        self._counts["links"] += 1

    def file(self, name: str, content: FileContent) -> "Iterator[bytes]":
        """Write a file, and close it. Raise RefusedError if it fails in the middle: there is no archive any more."""
        offset = self.position
        try:
            mapped = b"" if content.segments is None else sparse_map(content.segments, content.size)
            stored = content.size if content.segments is None else len(mapped) + sum(length for _, length in content.segments)
            sparse_size = -1 if content.segments is None else content.size
            self._put(member_header(name, tarfile.REGTYPE, content.meta, stored, sparse_size=sparse_size) + mapped)
            digest = hashlib.sha256()
            for piece in content.pieces():
                if isinstance(piece, int):
                    _add_zeros(digest, piece)
                else:
                    digest.update(piece)
                    self._put(piece)
                yield from self.full()
            self._put(tar_padding(stored))
        except OSError as error:
            raise RefusedError("io_error", f"{name}: {error.strerror}") from None
        finally:
            content.close()
        values = {"size": content.size, "sha256": digest.hexdigest()}  # type: dict[str, Any]
        values.update({"sparse": True} if content.segments is not None else {})
        values.update({"sqlite": content.sqlite} if content.sqlite is not None else {})
        values.update({"problem": content.problem, "detail": content.detail} if content.problem else {})
        self._line(name, "file", offset, content.meta, values)
        self._counts["files"] += 1
        self._counts["content_size"] += content.size
        if content.sqlite is not None:
            self._databases.append(name)
        if content.problem:
            self._note(name, content.problem, content.detail)

    def absent(self, name: str, problem: str, detail: str) -> None:
        """Name what was found and is not in the archive."""
        self._lines.add({"path": name, "type": "absent", "problem": problem, "detail": detail})
        self._note(name, problem, detail)

    def full(self) -> "Iterator[bytes]":
        """Yield what waits to be sent, if that is enough to be sent at once."""
        if len(self._waiting) >= FULL_PIECE:
            yield from self.rest()

    def rest(self) -> "Iterator[bytes]":
        """Yield all that waits to be sent."""
        while self._waiting:
            piece = bytes(self._waiting[:FULL_PIECE])
            del self._waiting[:FULL_PIECE]
            yield piece

    def begin_manifest(self, meta: MemberMeta) -> None:
        """Write the manifest's header; `manifest` and `end` follow."""
        self._put(member_header(MANIFEST_NAME, tarfile.REGTYPE, meta, self._lines.size))

    def manifest(self) -> "Iterator[bytes]":
        """Yield the manifest's content, which is part of the archive too; all that waited must have been taken."""
        for piece in self._lines.pieces(FULL_PIECE):
            self._count(piece)
            yield piece

    def end(self) -> None:
        """Write the two blocks of zeros that end the archive."""
        self._put(tar_padding(self._lines.size) + bytes(1024))

    def report(self) -> "dict[str, Any]":
        """Return what was written."""
        report = {"snapshot_id": self.snapshot_id, "size": self.position, "sha256": self._digest.hexdigest()}  # type: dict[str, Any]
        report.update(self._counts, databases=self._databases, problems=self._problems, named=self._named)
        return dict(report, manifest_sha256=self._lines.sha256, manifest_size=self._lines.size)

    def _member(self, name: str, kind: str, meta: MemberMeta, header: bytes, values: "dict[str, Any] | None" = None) -> None:
        offset = self.position
        self._put(header)
        self._line(name, kind, offset, meta, values or {})

    def _line(self, name: str, kind: str, offset: int, meta: MemberMeta, values: "dict[str, Any]") -> None:
        line = {"path": name, "type": kind, "offset": offset, "span": self.position - offset}  # type: dict[str, Any]
        line.update(mode=meta.mode, uid=meta.uid, gid=meta.gid, user=meta.user, group=meta.group, mtime_ns=meta.mtime_ns)
        if meta.xattrs:
            line["xattrs"] = {key: base64.b64encode(value).decode() for key, value in sorted(meta.xattrs.items())}
        line.update(values)
        self._lines.add(line)

    def _note(self, name: str, problem: str, detail: str) -> None:
        self._problems[problem] = self._problems.get(problem, 0) + 1
        self._named_size += len(name) + len(detail)
        if len(self._named) < MOST_NAMED and self._named_size <= LARGEST_NAMED:
            self._named.append({"path": name, "problem": problem, "detail": detail})

    def _put(self, data: bytes) -> None:
        self._count(data)
        self._waiting += data

    def _count(self, data: bytes) -> None:
        self._digest.update(data)
        self.position += len(data)


def _add_zeros(digest: "Any", length: int) -> None:
    """Hash a hole."""
    while length > 0:
        digest.update(ZEROS[:length] if length < len(ZEROS) else ZEROS)
        length -= len(ZEROS)
"""SQLite databases in an archive: never as they lie there, always as SQLite itself gives them, in one transaction."""

import os
import sqlite3
from collections.abc import Iterator
from typing import Any







SQLITE_MAGIC = b"SQLite format 3\0"
BESIDE_DATABASES = (b"-wal", b"-shm", b"-journal")
TREE_DATABASE_SECONDS = 300.0
TREE_LOCK_SECONDS = 60.0


class DatabaseSnapshots:
    """Takes the snapshots of one archive, one at a time, in the staging folder. `name` begins the names they have there."""

    def __init__(self, staging: "str | None", name: str, deadline: Deadline) -> None:
        self._staging = staging
        self._name = name
        self._deadline = deadline

    def met(self, path: bytes, meta: MemberMeta) -> "FrozenContent":
        """Capture a database that was met in a folder; as `taken`."""
        seconds = min(TREE_DATABASE_SECONDS, self._deadline.remaining() / 4)
        return self.taken(path.decode("utf-8", "surrogateescape"), {}, seconds, TREE_LOCK_SECONDS, meta)

    def taken(
        self, path: str, checks: "dict[str, str] | None", seconds: float, lock_limit: float, meta: MemberMeta
    ) -> "FrozenContent":
        """Capture a database; what is frozen of it has no name any more, and is gone with this process.

        Raise RefusedError if there is no consistent snapshot of it.
        """
        values = {"operation": "snapshot", "path": path, "name": self._name, "staging": self._staging, "checks": checks}
        request = Request(dict(values, deadline=min(seconds, self._deadline.remaining()), lock_limit=lock_limit))
        deadline = Deadline(request.deadline)
        source = None
        try:
            Staging(self._staging).drop(self._name)  # left by a run that was killed
            source = Source(path)
            return self._opened(take_snapshot(request, source, deadline), meta)
        except RefusedError as error:
            refused = error
        except (sqlite3.Error, OSError) as error:
            refused = explain(error, source)
        raise deadline.refusal() if refused.cause == "interrupted" else refused

    def _opened(self, report: "dict[str, Any]", meta: MemberMeta) -> "FrozenContent":
        try:
            descriptor = os.open(os.fsencode(report.pop("path")), os.O_RDONLY | os.O_NOFOLLOW)
        finally:
            Staging(self._staging).drop(self._name)
        return FrozenContent(meta, descriptor, dict(report, sha256_origin="source"))


class FrozenContent(FileContent):
    """A frozen database, which has no name any more."""

    def __init__(self, meta: MemberMeta, descriptor: int, report: "dict[str, Any]") -> None:
        super().__init__(meta, int(report["size"]))
        self.sqlite = report
        self._descriptor = descriptor

    def pieces(self) -> "Iterator[bytes | int]":
        """Yield the whole of it."""
        position = 0
        while position < self.size:
            data = os.pread(self._descriptor, min(READ_SIZE, self.size - position), position)
            if not data:
                raise RefusedError("io_error", "a frozen database became shorter while it was read")
            yield data
            position += len(data)

    def close(self) -> None:
        """Let go of it, which is its end."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def is_beside_database(name: bytes, is_database: "Any") -> bool:
    """Tell whether a file belongs to a database beside it; `is_database` tells that of a name."""
    return any(name.endswith(suffix) and is_database(name[: -len(suffix)]) for suffix in BESIDE_DATABASES)
"""One thing in a folder: opened without following a link, and described."""

import errno
import grp
import os
import pwd
import stat



KEPT_ATTRIBUTES = ("security.capability", "system.posix_acl_access", "system.posix_acl_default")
SPECIAL_KINDS = {
    stat.S_IFSOCK: "a socket",
    stat.S_IFIFO: "a pipe",
    stat.S_IFBLK: "a block device",
    stat.S_IFCHR: "a character device",
}
ENTRY_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
FOLDER_FLAGS = ENTRY_FLAGS | os.O_DIRECTORY


class OwnerNames:
    """The names of users and groups, each looked up once."""

    def __init__(self) -> None:
        self._users = {}  # type: dict[int, str]
        self._groups = {}  # type: dict[int, str]

    def user(self, number: int) -> str:
        """Return a user's name, nothing if it has none."""
        if number not in self._users:
            try:
                self._users[number] = pwd.getpwuid(number).pw_name
            except KeyError:
                self._users[number] = ""
        return self._users[number]

    def group(self, number: int) -> str:
        """Return a group's name, nothing if it has none."""
        if number not in self._groups:
            try:
                self._groups[number] = grp.getgrgid(number).gr_name
            except KeyError:
                self._groups[number] = ""
        return self._groups[number]

    def meta(self, status: "os.stat_result", descriptor: int = -1) -> MemberMeta:
        """Return what is kept of a thing; its extended attributes if it is open."""
        return MemberMeta(
            stat.S_IMODE(status.st_mode),
            status.st_uid,
            status.st_gid,
            self.user(status.st_uid),
            self.group(status.st_gid),
            status.st_mtime_ns,
            extended_attributes(descriptor) if descriptor >= 0 else {},
        )


def extended_attributes(descriptor: int) -> "dict[str, bytes]":
    """Return the attributes of an open file that a restore can give back: its owner's, capabilities, access lists."""
    if not hasattr(os, "listxattr"):
        return {}
    found = {}
    try:
        for name in os.listxattr(descriptor):
            if (name.startswith("user.") or name in KEPT_ATTRIBUTES) and _is_text(name):
                found[name] = os.getxattr(descriptor, name)
    except OSError:  # the file system has none, or they are not ours to read
        return found
    return found


def why_absent(error: OSError) -> "tuple[str, str]":
    """Return the problem of something that could not be opened, and its detail."""
    if error.errno == errno.ENOENT:
        return "vanished", "it was there when its folder was listed"
    if error.errno in (errno.ELOOP, errno.ENOTDIR, errno.ENXIO):
        return "vanished", "something else took its place while it was opened"
    return "unreadable", str(error.strerror)


def special_kind(mode: int) -> str:
    """Return what a thing without content is."""
    return SPECIAL_KINDS.get(stat.S_IFMT(mode), "something unknown")


def text_of(name: bytes) -> str:
    """Return a name as it is written: UTF-8, with surrogate escapes for what is not."""
    return name.decode("utf-8", "surrogateescape")


def _is_text(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
"""A folder that is being walked, open all the while: what it holds is reached through it, whatever becomes of its path."""

import os
import stat
from typing import Any





class TreeFolder:
    """An open folder on the way down: its names still to come, and whether it has been written itself."""

    def __init__(self, descriptor: int, path: bytes, name: str, place: "Any") -> None:
        self.descriptor = descriptor
        self.path = path
        self.name = name
        self.place = place
        self.is_written = False
        self._all = sorted(os.fsencode(entry) for entry in os.listdir(descriptor))
        self._databases = {}  # type: dict[bytes, bool]
        self.names = iter(self._all)

    def is_database(self, name: bytes) -> bool:
        """Tell whether a file here is an SQLite database, whether it is archived or not."""
        if name not in self._databases:
            self._databases[name] = False
            try:
                descriptor = os.open(name, ENTRY_FLAGS, dir_fd=self.descriptor)
            except OSError:  # there is no such file, or it is not ours to read
                return False
            try:
                is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
                self._databases[name] = is_file and os.pread(descriptor, len(SQLITE_MAGIC), 0) == SQLITE_MAGIC
            finally:
                os.close(descriptor)
        return self._databases[name]

    def close(self) -> None:
        """Let go of the folder."""
        os.close(self.descriptor)
"""One folder on its way into the archive: a walk from descriptor to descriptor, which nothing outside can slip into."""

import errno
import os
import stat
from collections.abc import Iterator
from typing import Any


















class TreeCapture:
    """Archives one folder. Raise RefusedError if it cannot be listed; what is below and cannot be read is named instead.

    `staging` is the real path of the folder with our own snapshots, which may lie in this one.
    """

    def __init__(
        self,
        part: "dict[str, Any]",
        writer: ArchiveWriter,
        snapshots: DatabaseSnapshots,
        owners: OwnerNames,
        staging: bytes,
        deadline: Deadline,
    ) -> None:
        self._writer = writer
        self._snapshots = snapshots
        self._owners = owners
        self._deadline = deadline
        self._largest = part.get("maximum_file_size")
        self._filter = PathFilter(part["include"], part["exclude"])
        path = os.path.realpath(part["path"].encode("utf-8", "surrogateescape"))
        self._staging = staging
        self._folders = [self._open_root(path, part["member"], part["path"])]

    def _open_root(self, path: bytes, member: str, asked: str) -> TreeFolder:
        try:
            return TreeFolder(os.open(path, FOLDER_FLAGS), path, member, self._filter.start())
        except OSError as error:
            reasons = {errno.ENOENT: "missing", errno.ENOTDIR: "not_a_folder", errno.ELOOP: "not_a_folder"}
            reasons.update({errno.EACCES: "no_permission", errno.EPERM: "no_permission"})
            raise RefusedError(reasons.get(error.errno or 0, "io_error"), f"{asked}: {error.strerror}") from None

    def pieces(self) -> "Iterator[bytes]":
        """Yield the bytes of the archive that this folder comes to."""
        try:
            self._write_folder(self._folders[0])
            while self._folders:
                self._deadline.check()
                folder = self._folders[-1]
                name = next(folder.names, None)
                if name is None:
                    self._folders.pop().close()
                    continue
                place = self._filter.below(folder.place, name)
                if place is not None:
                    yield from self._entry(folder, name, place)
                    yield from self._writer.full()
        finally:
            while self._folders:
                self._folders.pop().close()

    def _entry(self, folder: TreeFolder, name: bytes, place: "Any") -> "Iterator[bytes]":
        member = f"{folder.name}/{text_of(name)}"
        takes = self._filter.takes(place)
        try:
            status = os.stat(name, dir_fd=folder.descriptor, follow_symlinks=False)
            if stat.S_ISDIR(status.st_mode):
                self._enter(folder, name, member, place, takes=takes)
            elif takes and stat.S_ISLNK(status.st_mode):
                target = text_of(os.readlink(name, dir_fd=folder.descriptor))
                self._write_folders()
                self._writer.symlink(member, self._owners.meta(status), target)
            elif takes and stat.S_ISREG(status.st_mode):
                yield from self._file(folder, name, member, status)
            elif takes:
                self._writer.absent(member, "special", special_kind(status.st_mode))
        except OSError as error:
            problem, detail = why_absent(error)
            is_wanted = takes or problem != "vanished"  # a folder on the way that cannot be entered may hide what is wanted
            if is_wanted and not is_beside_database(name, folder.is_database):
                self._writer.absent(member, problem, detail)

    def _enter(self, folder: TreeFolder, name: bytes, member: str, place: "Any", *, takes: bool) -> None:
        path = os.path.join(folder.path, name)
        if path == self._staging:  # our own snapshots
            return
        descriptor = os.open(name, FOLDER_FLAGS, dir_fd=folder.descriptor)
        try:
            entered = TreeFolder(descriptor, path, member, place)
        except BaseException:
            os.close(descriptor)
            raise
        self._folders.append(entered)
        if takes:
            self._write_folders()

    def _write_folders(self) -> None:
        """Write the folders on the way to here that have not been written."""
        for folder in self._folders:
            if not folder.is_written:
                self._write_folder(folder)

    def _write_folder(self, folder: TreeFolder) -> None:
        self._writer.directory(folder.name, self._owners.meta(os.fstat(folder.descriptor), folder.descriptor))
        folder.is_written = True

    def _file(self, folder: TreeFolder, name: bytes, member: str, status: "os.stat_result") -> "Iterator[bytes]":
        if is_beside_database(name, folder.is_database):
            return
        identity = (status.st_dev, status.st_ino)
        if identity in self._writer.links:
            self._write_folders()
            self._writer.hard_link(member, self._owners.meta(status), self._writer.links[identity])
            return
        if self._largest is not None and status.st_size > self._largest:
            self._writer.absent(member, "too_large", f"{status.st_size} bytes, and {self._largest} are the limit")
            return
        content = self._content(folder, name, member)
        if content is not None:
            self._write_folders()
            yield from self._writer.file(member, content)
            if status.st_nlink > 1:
                self._writer.links[identity] = member

    def _content(self, folder: TreeFolder, name: bytes, member: str) -> "FileContent | None":
        descriptor = os.open(name, ENTRY_FLAGS, dir_fd=folder.descriptor)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise OSError(errno.ELOOP, "it is no file any more")
            if os.pread(descriptor, len(SQLITE_MAGIC), 0) == SQLITE_MAGIC:
                meta = self._owners.meta(status, descriptor)
                os.close(descriptor)  # never beside SQLite: see the top of the script
                descriptor = -1
                return self._database(folder, name, member, meta, status)
            content = still_content(descriptor, lambda seen: self._owners.meta(seen, descriptor))
            if content is None:
                status = settled_status(descriptor)
                content = StreamedContent(self._owners.meta(status, descriptor), descriptor, status)
                descriptor = -1
            return content
        finally:
            if descriptor >= 0:
                os.close(descriptor)

    def _database(
        self, folder: TreeFolder, name: bytes, member: str, meta: MemberMeta, status: "os.stat_result"
    ) -> "FileContent | None":
        """Capture a database through SQLite, which opens it by its path; what it opened must be what was met here."""
        path = os.path.join(folder.path, name)
        try:
            content = self._snapshots.met(path, meta)
        except RefusedError as error:
            self._deadline.check()
            self._writer.absent(member, "unsafe_database", f"{error.reason}: {error.cause}")
            return None
        if os.path.realpath(path) == path and os.path.samestat(os.stat(path), status):
            return content
        content.close()
        self._writer.absent(member, "unsafe_database", "something else took its place while it was read")
        return None
"""One archive from its order: databases first, then folders, the manifest last."""

import os
import platform
import time
from collections.abc import Iterator
from typing import Any











class ArchiveMaker:
    """Makes the archive that `values` asks for. Raise RefusedError if one of its folders cannot be listed."""

    def __init__(self, values: "dict[str, Any]", deadline: Deadline) -> None:
        self._started = time.monotonic()
        self._deadline = deadline
        self._databases = values["databases"]
        self._writer = ArchiveWriter(os.urandom(16).hex())
        self._snapshots = DatabaseSnapshots(values.get("staging"), values["name"], deadline)
        self._owners = OwnerNames()
        staging = os.path.realpath(staging_path(values.get("staging")))
        parts = (self._writer, self._snapshots, self._owners, staging, deadline)
        self._trees = [TreeCapture(part, *parts) for part in values["trees"]]

    def make(self, frames: FrameWriter) -> "dict[str, Any]":
        """Write all of it and return the report. Raise RefusedError if it cannot be had whole, OSError if nobody reads."""
        for piece in self._members():
            self._deadline.check()
            frames.write(DATA_FRAME, piece)
        for piece in self._writer.manifest():
            frames.write(MANIFEST_FRAME, piece)
        self._writer.end()
        for piece in self._writer.rest():
            frames.write(DATA_FRAME, piece)
        report = dict(self._writer.report(), runtime="python " + platform.python_version(), notes=[])
        return dict(report, seconds=round(time.monotonic() - self._started, 6))

    def _members(self) -> "Iterator[bytes]":
        for part in self._databases:
            yield from self._database(part)
        for tree in self._trees:
            yield from tree.pieces()
        self._writer.begin_manifest(MemberMeta(0o600, os.geteuid(), os.getegid(), "", "", int(time.time()) * 1000000000, {}))
        yield from self._writer.rest()

    def _database(self, part: "dict[str, Any]") -> "Iterator[bytes]":
        try:
            status = os.stat(part["path"].encode("utf-8", "surrogateescape"))
            limits = (part["deadline"], part["lock_limit"])
            content = self._snapshots.taken(part["path"], part["checks"], *limits, self._owners.meta(status))
        except OSError as error:
            refused = explain(error, None)
            raise RefusedError(refused.reason, f"{part['path']}: {refused.cause}") from None
        except RefusedError as error:
            raise RefusedError(error.reason, f"{part['path']}: {error.cause}") from None
        yield from self._writer.file(part["member"], content)
        yield from self._writer.full()
"""Where a recovery of a folder goes to: its path as it really is, what stands there, and what is mounted around it."""

import os
import re
import stat
from typing import Any




class TreeRequest(Request):
    """What our side asks of a folder's recovery.

    `sha256` is that of the list of what is expected, which is `expected_size` bytes long and begins the copy; the copy has `size`
    bytes. `content_size` is what the files take. `paths` are patterns of what is put into the folder, none for the whole of it;
    `asked_of` are the files in it of which it matters who has them open, none for all
    that is matched; `away` are the paths that are to be moved aside first. `links_out` allows symbolic links that lead out.
    """

    def __init__(self, values: "dict[str, Any]") -> None:
        super().__init__(values)
        self.expected_size = int(values.get("expected_size", 0))
        self.content_size = int(values.get("content_size", 0))
        self.entries = int(values.get("entries", 0))
        self.paths = [str(pattern) for pattern in values.get("paths") or []]
        self.away = [str(path) for path in values.get("away") or []]
        self.asked_of = [str(path) for path in values.get("chosen") or []]
        self.links_out = bool(values.get("links_out", False))

    @property
    def chosen(self) -> bool:
        """Tell whether single paths are meant, and not the whole folder."""
        return bool(self.paths)


class TreeTarget:
    """The folder to be replaced, or the place for a new one. Raise RefusedError if this account cannot restore there."""

    def __init__(self, request: TreeRequest) -> None:
        asked = request.path.encode("utf-8", "surrogateescape")
        parent = os.path.realpath(os.path.dirname(asked))
        self.is_new = request.new_in is not None
        self.path = os.path.join(parent, os.path.basename(asked)) if self.is_new else os.path.realpath(asked)
        self.folder, self.name = os.path.split(self.path)
        if not os.path.isdir(self.folder) or not self.name:
            raise RefusedError("missing_folder", f"there is no folder {os.fsdecode(self.folder)}")
        if request.new_in is not None:
            self._require_inside(request.new_in)
        self._require_permission()
        self._require_one_file_system()

    @property
    def exists(self) -> bool:
        """Tell whether anything stands at the path."""
        return os.path.lexists(self.path)

    @property
    def is_folder(self) -> bool:
        """Tell whether a folder stands at the path, and no link to one."""
        return os.path.isdir(self.path) and not os.path.islink(self.path)

    def _require_inside(self, folders: "list[str]") -> None:
        for allowed in folders:
            real = os.path.realpath(allowed.encode("utf-8", "surrogateescape"))
            if self.folder == real or self.folder.startswith(real.rstrip(b"/") + b"/"):
                return
        raise RefusedError("outside_folders", f"its folder is really {os.fsdecode(self.folder)}")

    def _require_permission(self) -> None:
        try:
            status = os.lstat(self.path)
        except FileNotFoundError:
            status = os.stat(self.folder)
        if os.geteuid() != 0 and os.geteuid() != status.st_uid:
            raise RefusedError("no_permission", f"the account is neither root nor its owner, user {status.st_uid}")
        needed = [self.folder, self.path] if stat.S_ISDIR(status.st_mode) and self.exists else [self.folder]
        for path in needed:
            if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
                raise RefusedError("no_permission", f"the account may not write {os.fsdecode(path)}")

    def _require_one_file_system(self) -> None:
        """A folder with mounts cannot be renamed as one: what is mounted in it would be kept, and later removed, with the old."""
        if not self.is_folder:
            return
        if os.lstat(self.path).st_dev != os.stat(self.folder).st_dev:
            raise RefusedError("mount_point", f"{os.fsdecode(self.path)} is on a file system of its own")
        inside = mounts_below(self.path)
        if inside:
            raise RefusedError("mount_inside", f"{os.fsdecode(inside[0])} is mounted in it")


def mounts_below(path: bytes) -> "list[bytes]":
    """Return the mount points at and below a path."""
    try:
        with open("/proc/self/mounts", "rb") as mounts:
            lines = mounts.read().splitlines()
    except FileNotFoundError:  # not Linux
        return []
    points = [re.sub(rb"\\([0-7]{3})", lambda match: bytes([int(match.group(1), 8)]), line.split(b" ")[1]) for line in lines]
    return sorted(point for point in points if point == path or point.startswith(path.rstrip(b"/") + b"/"))
"""The way to a thing below a folder: name by name, never through a link."""

import os
import stat

TREE_FOLDER_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY | os.O_CLOEXEC


class FolderChain:
    """Opens folders below one that is given by its path; the last way stays open, as what comes next is mostly near it."""

    def __init__(self, root: bytes) -> None:
        self._names = []  # type: list[bytes]
        self._descriptors = [os.open(root, TREE_FOLDER_FLAGS)]

    def __enter__(self) -> "FolderChain":
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def folder(self, names: "list[bytes]") -> int:
        """Return the descriptor of a folder, good until the next call. Raise OSError if one on the way is none, or a link."""
        shared = 0
        while shared < len(names) and shared < len(self._names) and names[shared] == self._names[shared]:
            shared += 1
        while len(self._names) > shared:
            self._names.pop()
            os.close(self._descriptors.pop())
        for name in names[shared:]:
            self._descriptors.append(os.open(name, TREE_FOLDER_FLAGS, dir_fd=self._descriptors[-1]))
            self._names.append(name)
        return self._descriptors[-1]

    def parent(self, path: bytes) -> "tuple[int, bytes]":
        """Return the descriptor of the folder that a path lies in, and its name there; `.` is the root itself."""
        names = path.split(b"/")
        return self.folder(names[:-1]), names[-1]

    def status(self, path: bytes) -> "os.stat_result | None":
        """Return what stands at a path, None if nothing does or a folder on the way is missing."""
        try:
            folder, name = self.parent(path)
            return os.lstat(name, dir_fd=folder)
        except FileNotFoundError:
            return None

    def make(self, path: bytes, mode: int = 0o700) -> bool:
        """Make a folder, and tell whether it was missing. Raise OSError if something else stands there."""
        folder, name = self.parent(path)
        try:
            os.mkdir(name, mode, dir_fd=folder)
        except FileExistsError:
            if stat.S_ISDIR(os.lstat(name, dir_fd=folder).st_mode):
                return False
            raise
        return True

    def close(self) -> None:
        """Close all of it."""
        while self._descriptors:
            os.close(self._descriptors.pop())


def remove_tree(folder: int, name: bytes) -> None:
    """Remove whatever stands under a name, never following a link, folders that forbid it too."""
    if not stat.S_ISDIR(os.lstat(name, dir_fd=folder).st_mode):
        os.unlink(name, dir_fd=folder)
        return
    os.chmod(name, 0o700, dir_fd=folder)  # a folder of our own that a link cannot replace: the workplace is ours alone
    descriptor = os.open(name, TREE_FOLDER_FLAGS, dir_fd=folder)
    try:
        for inner in os.listdir(descriptor):
            remove_tree(descriptor, os.fsencode(inner))
    finally:
        os.close(descriptor)
    os.rmdir(name, dir_fd=folder)
"""The folder beside the target that holds everything of one recovery: the copy, the new tree, and what was there."""

import os
from contextlib import suppress





EXPECTED = "expected.jsonl"
"""The list of what is expected, one line of JSON for each entry; it is also the name of the copy's first member."""

NEW_TREE = "new"
TREE_REPORT = "tree.json"


class TreeWorkplace(Workplace):
    """`<folder of the target>/.fleetsave-<recovery id>`, with folders in it."""

    def __init__(self, request: TreeRequest, target: TreeTarget) -> None:
        super().__init__(request, target)  # type: ignore[arg-type]  # of a target it asks the folder alone

    def used(self) -> int:
        """Return how many bytes everything here takes on the disk."""
        if not self.exists:
            return 0
        total = 0
        for parent, _, names in os.walk(self.path):
            for name in names:
                total += os.lstat(os.path.join(parent, name)).st_blocks * 512
        return total

    def discard_tree(self, name: str) -> None:
        """Remove a folder with all that is in it."""
        folder = os.open(self.path, TREE_FOLDER_FLAGS)
        try:
            if self.has(name):
                remove_tree(folder, name.encode())
        finally:
            os.close(folder)

    def remove(self, keep: str) -> None:
        """Remove everything but the folder `keep`, and the workplace too if that is empty; the marker goes last."""
        for name in sorted(os.listdir(self.path), key=lambda name: name == os.fsencode(MARKER)):
            if os.fsdecode(name) == keep:
                with suppress(OSError):  # it is not empty, and stays
                    os.rmdir(self.file(keep))
            else:
                self.discard_tree(os.fsdecode(name))
        with suppress(OSError):
            os.rmdir(self.path)
"""What the new tree is to hold, as our side lists it: nothing else is ever made, and nothing is made that breaks the rules."""

import base64
import binascii
import json
from collections.abc import Iterator
from typing import Any





KINDS_OF_ENTRIES = ("file", "directory", "symlink", "hardlink")
LONGEST_LINE_OF_EXPECTED = 1 << 20
LARGEST_SIZE, LARGEST_OWNER = (1 << 63) - 1, (1 << 32) - 2
LARGEST_TIME = LARGEST_SIZE * 1000000000
"""The largest numbers that the system takes; Python raises errors of many kinds for larger ones."""


class ExpectedEntry:
    """One thing that is to be: `path` relative to the target, `.` for itself; `member` its name in the archive, if it has one.

    `is_way` tells that a folder is none of the chosen: it is made if it is missing. A hard link's `target` is another entry's
    path. Raise RefusedError for what may not be.
    """

    def __init__(self, values: "dict[str, Any]") -> None:
        self.path = encoded_path(values["path"])
        self.kind = str(values["type"])
        self.member = str(values.get("member", ""))
        self.is_way = bool(values.get("way", False))
        self.size = int(values.get("size", 0))
        self.mode = int(values.get("mode", 0)) & 0o7777
        self.mtime_ns = int(values.get("mtime_ns", 0))
        # A folder that the archive has no member for has no owner and no time.
        self.is_of_nobody = self.is_way and "mtime_ns" not in values
        self.uid, self.gid = int(values.get("uid", 0)), int(values.get("gid", 0))
        self.sha256 = str(values.get("sha256", ""))
        self.target = str(values.get("target", "")).encode("utf-8", "surrogateescape")
        self.xattrs = {str(name): base64.b64decode(value) for name, value in values.get("xattrs", {}).items()}
        if self.kind not in KINDS_OF_ENTRIES or self.size < 0 or b"\0" in self.target:
            raise RefusedError("bad_entry", f"{values['path']!r} is none of {', '.join(KINDS_OF_ENTRIES)}")
        if self.path == b"." and self.kind != "directory":
            raise RefusedError("bad_entry", "the folder itself is said to be none")
        owners = (self.uid, self.gid)
        if (
            self.size > LARGEST_SIZE
            or not all(0 <= owner <= LARGEST_OWNER for owner in owners)
            or abs(self.mtime_ns) > LARGEST_TIME
        ):
            raise RefusedError("bad_entry", f"{values['path']!r} has a size, an owner or a time that nothing can have")
        if not all(may_be_given(name) for name in self.xattrs):
            raise RefusedError("bad_entry", f"{values['path']!r} has an attribute that no capture takes")
        if self.kind == "hardlink":
            self.target = encoded_path(values["target"])

    @property
    def is_folder(self) -> bool:
        """Tell whether it is a folder."""
        return self.kind == "directory"

    @property
    def leads_out(self) -> bool:
        """Tell whether it is a symbolic link out of the target, by its words."""
        if self.kind != "symlink":
            return False
        depth = self.path.count(b"/")
        for name in self.target.split(b"/"):
            depth += -1 if name == b".." else 0 if name in (b"", b".") else 1
            if depth < 0:
                return True
        return self.target.startswith(b"/")


def encoded_path(text: object) -> bytes:
    """Return a relative path as bytes. Raise RefusedError if it leads anywhere else, or says its way in another form."""
    path = str(text).encode("utf-8", "surrogateescape")
    if path != b"." and (b"\0" in path or any(name in (b"", b".", b"..") for name in path.split(b"/"))):
        raise RefusedError("bad_entry", f"{str(text)[:200]!r} is no path below the folder")
    return path


def may_be_given(attribute: str) -> bool:
    """Tell whether an extended attribute is one that captures take; others say something to the system itself."""
    return "\0" not in attribute and (attribute.startswith("user.") or attribute in KEPT_ATTRIBUTES)


def expected_entries(place: TreeWorkplace) -> "Iterator[ExpectedEntry]":
    """Yield the entries of the list that lies in the workplace. Raise RefusedError for one that may not be."""
    with open(place.file(EXPECTED), "rb") as file:
        while True:
            line = file.readline(LONGEST_LINE_OF_EXPECTED)
            if not line:
                return
            yield _read_entry(line)


def _read_entry(line: bytes) -> ExpectedEntry:
    try:
        return ExpectedEntry(json.loads(line.decode("ascii")))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError, binascii.Error):
        raise RefusedError("bad_entry", f"a line of the list cannot be read: {line[:100]!r}") from None
"""What a thing has beside its content, given as it was recorded, and what could not be given."""

import os
from contextlib import suppress



INHERITED = ("system.posix_acl_default", "system.posix_acl_access")


class Lacks:
    """Counts what this account or file system cannot give: owner, mode, times, attributes."""

    def __init__(self) -> None:
        self.counts = {}  # type: dict[str, int]

    def note(self, word: str) -> None:
        """Count one."""
        self.counts[word] = self.counts.get(word, 0) + 1


def give_meta(descriptor: int, entry: ExpectedEntry, lacks: Lacks) -> None:
    """Give an open file or folder its owner, attributes, mode and times, in the order in which none takes another away."""
    if not entry.is_of_nobody:
        try:
            os.fchown(descriptor, entry.uid, entry.gid)
        except OSError:
            with suppress(OSError):  # not root: the group may still be one of ours
                os.fchown(descriptor, -1, entry.gid)
    _give_attributes(descriptor, entry, lacks)
    os.fchmod(descriptor, entry.mode)
    if not entry.is_of_nobody:
        os.utime(descriptor, ns=(entry.mtime_ns, entry.mtime_ns))
    compare_meta(os.fstat(descriptor), entry, lacks)


def give_link_meta(folder: int, name: bytes, entry: ExpectedEntry, lacks: Lacks) -> None:
    """Give a symbolic link its owner and times; its mode is the system's."""
    if not entry.is_of_nobody:
        with suppress(OSError):
            os.chown(name, entry.uid, entry.gid, dir_fd=folder, follow_symlinks=False)
    os.utime(name, ns=(entry.mtime_ns, entry.mtime_ns), dir_fd=folder, follow_symlinks=False)
    compare_meta(os.lstat(name, dir_fd=folder), entry, lacks)


def compare_meta(status: "os.stat_result", entry: ExpectedEntry, lacks: Lacks) -> None:
    """Count where a thing is not as it was recorded."""
    if entry.is_of_nobody:
        return
    if (status.st_uid, status.st_gid) != (entry.uid, entry.gid):
        lacks.note("owner")
    if entry.kind != "symlink" and status.st_mode & 0o7777 != entry.mode:
        lacks.note("mode")
    if status.st_mtime_ns != entry.mtime_ns:
        lacks.note("times")


def _give_attributes(descriptor: int, entry: ExpectedEntry, lacks: Lacks) -> None:
    if not hasattr(os, "setxattr"):
        if entry.xattrs:
            lacks.note("attributes")
        return
    for name in INHERITED:  # a new thing may have those of the folder it was made in
        if name not in entry.xattrs:
            with suppress(OSError):
                os.removexattr(descriptor, name)
    for name, value in entry.xattrs.items():
        try:
            os.setxattr(descriptor, name, value)
        except OSError:
            lacks.note("attributes")
"""The members of the copy, of which only names, sizes and content are believed: everything else is in the list before them."""

import hashlib
import os
import tarfile
from collections.abc import Iterator
from typing import BinaryIO






BLOCK_OF_TAR = 512
LARGEST_EXTENDED_HEADER = 1 << 20
MEMBER_KINDS = {
    tarfile.REGTYPE: "file",
    tarfile.DIRTYPE: "directory",
    tarfile.SYMTYPE: "symlink",
    tarfile.LNKTYPE: "hardlink",
}
UNREADABLE = (
    tarfile.TarError,
    ValueError,
    KeyError,
    IndexError,
    OverflowError,
    AttributeError,
    TypeError,
    EOFError,
    RecursionError,
)
"""What tarfile raises for bytes that are no archive."""


def take_list(request: TreeRequest, copy: BinaryIO, target: bytes) -> int:
    """Write the list that the copy begins with to `target`, and return where the members begin.

    Raise RefusedError if it is not the one that was announced.
    """
    try:
        header = tarfile.TarInfo.frombuf(copy.read(BLOCK_OF_TAR), "utf-8", "surrogateescape")
    except UNREADABLE:
        raise RefusedError("altered_copy", "it does not begin as a copy does") from None
    if (header.name, header.type, header.size) != (EXPECTED, tarfile.REGTYPE, request.expected_size):
        raise RefusedError("altered_copy", "it does not begin with the list that was announced")
    digest, left = hashlib.sha256(), request.expected_size
    with open(target, "wb") as file:
        while left:
            block = copy.read(min(CHUNK, left))
            if not block:
                raise RefusedError("altered_copy", "its list is cut short")
            digest.update(block)
            file.write(block)
            left -= len(block)
    if digest.hexdigest() != request.sha256:
        raise RefusedError("altered_copy", f"its list has sha256 {digest.hexdigest()}, and {request.sha256} was announced")
    return BLOCK_OF_TAR + request.expected_size + -request.expected_size % BLOCK_OF_TAR


class CopyMembers:
    """Reads member after member from an offset of the copy; the same file, used by nobody else meanwhile."""

    def __init__(self, copy: BinaryIO, offset: int) -> None:
        self._copy = copy
        self._require_plain_header(offset)
        copy.seek(offset)
        try:
            self._archive = tarfile.open(  # noqa: SIM115 - it has nothing of its own to close
                fileobj=copy, mode="r:", encoding="utf-8", errors="surrogateescape"
            )
        except UNREADABLE as error:
            raise _unreadable_member(str(error)) from None
        self._is_first = True

    def next(self) -> "tarfile.TarInfo | None":
        """Return the next member, None at the end. Raise RefusedError for what no capture writes."""
        try:
            if not self._is_first:
                self._require_plain_header(self._archive.offset)
            self._is_first = False
            member = self._archive.next()
        except UNREADABLE as error:
            raise _unreadable_member(str(error)) from None
        self._archive.members = []  # type: ignore[attr-defined]  # they are looked at once, and may be millions
        if member is not None and (member.type not in MEMBER_KINDS or member.size < 0):
            raise _unreadable_member(f"{member.name[:200]!r} is neither file, folder nor link")
        return member

    def pieces(self, member: tarfile.TarInfo) -> "Iterator[tuple[int, bytes]]":
        """Yield the data of a file, each piece with its place in the file; holes are left out."""
        try:
            for offset, size in extents_of(member):
                yield from self._pieces(member, offset, size)
        except UNREADABLE as error:
            raise _unreadable_member(str(error)) from None

    def _pieces(self, member: tarfile.TarInfo, offset: int, size: int) -> "Iterator[tuple[int, bytes]]":
        file = self._archive.extractfile(member)
        assert file is not None  # noqa: S101 - it is a file
        file.seek(offset)
        while size:
            block = file.read(min(CHUNK, size))
            if not block:
                raise _unreadable_member(f"{member.name[:200]!r} is cut short")
            yield offset, block
            offset += len(block)
            size -= len(block)

    def _require_plain_header(self, offset: int) -> None:
        """Look at the next header before tarfile does, which gives an extended header all the memory that it asks for."""
        block = os.pread(self._copy.fileno(), BLOCK_OF_TAR, offset)
        if not block.strip(b"\0"):
            return
        kind, size = block[156:157], _number(block[124:136])
        if kind == tarfile.XHDTYPE and size <= LARGEST_EXTENDED_HEADER:
            following = offset + BLOCK_OF_TAR + size + -size % BLOCK_OF_TAR
            kind = os.pread(self._copy.fileno(), BLOCK_OF_TAR, following)[156:157]
        if kind not in MEMBER_KINDS:
            raise _unreadable_member(f"a header of type {kind!r} is none that a capture writes")


def extents_of(member: tarfile.TarInfo) -> "list[tuple[int, int]]":
    """Return where a file's data lies in it. Raise ValueError for a map that goes back, or beyond the end."""
    sparse = getattr(member, "sparse", None)
    if sparse is None:
        return [(0, member.size)]
    reached = 0
    for offset, size in sparse:
        if offset < reached or size < 0 or offset + size > member.size:
            raise ValueError("the map of a sparse file goes back, or beyond its end")
        reached = offset + size
    return [(offset, size) for offset, size in sparse if size]


def _number(field: bytes) -> int:
    text = field.strip(b" \0")
    return int(text, 8) if text and not set(text) - set(b"01234567") else LARGEST_EXTENDED_HEADER + 1


def _unreadable_member(cause: str) -> RefusedError:
    return RefusedError("damaged_copy", f"the archive cannot be read: {cause}"[:500])
"""The new tree, made in the workplace from the copy: what is expected and nothing else, each entry checked as it is made."""

import errno
import hashlib
import os
import stat
import tarfile
from contextlib import suppress











class TreeUnpacking:
    """Makes everything below `new`; folders are made first, and get their modes and times last, the deepest before the others.

    `into` tells that what is in it goes into a folder that is there, and not the tree as one.
    """

    def __init__(self, request: TreeRequest, place: TreeWorkplace, deadline: Deadline, *, into: bool) -> None:
        self._request = request
        self._into = into
        self._place = place
        self._deadline = deadline
        self._written = 0
        self.lacks = Lacks()
        self.files = 0
        self.entries = 0

    def unpack(self, members: CopyMembers) -> None:
        """Make the tree anew. Raise RefusedError for whatever is not as expected; then nothing of it is used."""
        self._place.discard_tree(NEW_TREE)
        os.mkdir(self._place.file(NEW_TREE), 0o700)
        for name in ("system.posix_acl_default", "system.posix_acl_access"):
            with suppress(OSError, AttributeError):  # what the folder above gives to all that is made in it
                os.removexattr(self._place.file(NEW_TREE), name)
        with FolderChain(self._place.file(NEW_TREE)) as new:
            folders = self._make_folders(new)
            for entry in expected_entries(self._place):
                if entry.member:
                    self._take(entry, members, new)
            if members.next() is not None:
                raise RefusedError("damaged_copy", "more members came than are expected")
            for folder in reversed(folders):
                self._finish_folder(folder, new)

    def _make_folders(self, new: FolderChain) -> "list[ExpectedEntry]":
        folders = []
        for entry in expected_entries(self._place):
            self._deadline.check()
            self.entries += 1
            if self.entries > self._request.entries:
                raise RefusedError("bad_entry", f"more than the {self._request.entries} entries are listed that were announced")
            if entry.leads_out and not self._request.links_out:
                raise RefusedError("links_out", f"{os.fsdecode(entry.path)!r} is a link that leads out of the folder")
            if not entry.is_folder:
                continue
            folders.append(entry)
            if entry.path == b".":
                continue
            try:
                made = new.make(entry.path)
            except OSError as error:
                raise _not_made(entry, error) from None
            if not made:
                raise RefusedError("bad_entry", f"{os.fsdecode(entry.path)!r} is listed twice")
        return folders

    def _take(self, entry: ExpectedEntry, members: CopyMembers, new: FolderChain) -> None:
        self._deadline.check()
        member = members.next()
        name = "nothing" if member is None else member.name
        if member is None or name != entry.member or MEMBER_KINDS[member.type] != entry.kind:
            raise RefusedError("damaged_copy", f"{name[:200]!r} came where {entry.member[:200]!r} is expected, a {entry.kind}")
        if hasattr(tarfile, "data_filter") and not (member.issym() and self._request.links_out):
            self._ask_python(member)
        try:
            if entry.kind == "file":
                self._make_file(entry, member, members, new)
            elif entry.kind == "symlink":
                folder, own = new.parent(entry.path)
                os.symlink(entry.target, own, dir_fd=folder)
                give_link_meta(folder, own, entry, self.lacks)
            elif entry.kind == "hardlink":
                self._make_link(entry, new)
        except OSError as error:
            raise _not_made(entry, error) from None

    def _ask_python(self, member: tarfile.TarInfo) -> None:
        """Let Python's own rules judge too, where it has them; they know nothing of sets that hold a link from outside."""
        if member.issym():
            return  # judged by its words above: relative to the set, not to the whole archive
        try:
            tarfile.data_filter(member, os.fsdecode(self._place.file(NEW_TREE)))
        except tarfile.TarError as error:
            raise RefusedError("damaged_copy", f"{member.name[:200]!r}: {error}"[:500]) from None

    def _make_file(self, entry: ExpectedEntry, member: tarfile.TarInfo, members: CopyMembers, new: FolderChain) -> None:
        if member.size != entry.size:
            raise RefusedError("damaged_copy", f"{member.name[:200]!r} has {member.size} bytes, and {entry.size} are expected")
        folder, own = new.parent(entry.path)
        descriptor = os.open(own, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder)
        try:
            for offset, block in members.pieces(member):
                self._deadline.check()
                self._written += len(block)
                if self._written > self._request.content_size:
                    raise RefusedError("damaged_copy", "more content came than was announced")
                done = 0
                while done < len(block):
                    done += os.pwrite(descriptor, block[done:], offset + done)
            os.ftruncate(descriptor, entry.size)
            found = self._digest(descriptor)
            if found != entry.sha256:
                raise RefusedError("damaged_copy", f"{member.name[:200]!r} has sha256 {found}, not {entry.sha256}")
            give_meta(descriptor, entry, self.lacks)
        finally:
            os.close(descriptor)
        self.files += 1

    def _digest(self, descriptor: int) -> str:
        """Hash what was written, as it is read back."""
        digest = hashlib.sha256()
        os.lseek(descriptor, 0, os.SEEK_SET)
        while True:
            block = os.read(descriptor, CHUNK)
            if not block:
                return digest.hexdigest()
            self._deadline.check()
            digest.update(block)

    def _make_link(self, entry: ExpectedEntry, new: FolderChain) -> None:
        folder, own = new.parent(entry.target)
        first = os.open(b".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
        try:
            if not stat.S_ISREG(os.lstat(own, dir_fd=first).st_mode):
                raise RefusedError("damaged_copy", f"{os.fsdecode(entry.path)!r} is another name of what is no file")
            folder, name = new.parent(entry.path)
            os.link(own, name, src_dir_fd=first, dst_dir_fd=folder, follow_symlinks=False)
        finally:
            os.close(first)

    def _finish_folder(self, entry: ExpectedEntry, new: FolderChain) -> None:
        """Give a folder what it has; what is put into a folder that is there comes from folders that are only passed through."""
        if self._into or entry.path == b".":
            return
        descriptor = os.dup(new.folder(entry.path.split(b"/")))
        try:
            give_meta(descriptor, entry, self.lacks)
        finally:
            os.close(descriptor)


def _not_made(entry: ExpectedEntry, error: OSError) -> RefusedError:
    cause = f"{os.fsdecode(entry.path)[:200]!r}: {error.strerror}"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return RefusedError("disk_full", cause)
    return RefusedError("not_made", cause)
"""The copy becomes the new tree, beside the target; what was unpacked and checked once is not unpacked again."""

import os
import stat
from typing import Any











def check_tree(request: TreeRequest, target: TreeTarget, place: TreeWorkplace, deadline: Deadline) -> "dict[str, Any]":
    """Unpack the copy and return the report of the tree; a copy that is not the backup is removed, and is sent anew."""
    with place.held(deadline):
        report = place.read(TREE_REPORT)
        if report is not None and place.has(COPY) and report["sha256"] == request.sha256:
            return report
        if place.has(COPY):  # it was unpacked, and its tree has gone since
            place.discard(COPY)
        if place.size_of(COPY_PARTIAL) != request.size:
            place.discard(COPY_PARTIAL)
            raise RefusedError("altered_copy", f"{request.size} bytes were to come, and not so many are here")
        into = request.chosen and target.exists
        report = dict(_unpacked(request, place, deadline, into=into), into=into)
        if into:
            require_way(request, target, place)
        place.note(TREE_REPORT, report)
        os.rename(place.file(COPY_PARTIAL), place.file(COPY))
        os.truncate(place.file(COPY), 0)  # its name alone is needed from now on, and not its room
        sync_folder(place.path)
        return report


def checked_tree(request: TreeRequest, place: TreeWorkplace) -> "dict[str, Any]":
    """Return the report of the checked tree. Raise RefusedError if there is none, or it is of another choice."""
    report = place.read(TREE_REPORT)
    if report is None or not place.has(COPY) or report["sha256"] != request.sha256:
        raise RefusedError("no_copy", "no checked tree of this backup lies beside the target")
    return report


def require_way(request: TreeRequest, target: TreeTarget, place: TreeWorkplace) -> None:
    """Raise RefusedError if something that is no folder stands in the way of a chosen path, or it would be on another disk.

    What the recovery itself is to move away is no hindrance. Nothing is ever put where a link leads.
    """
    moved = {path.encode("utf-8", "surrogateescape") for path in request.away}
    home = os.lstat(place.path).st_dev
    if not target.is_folder:
        raise RefusedError("in_the_way", "what stands there is no folder that anything could be put into")
    with FolderChain(target.path) as live:
        for entry in expected_entries(place):
            if not entry.is_folder or entry.path in moved:
                continue
            try:
                status = live.status(entry.path)
            except OSError:
                status = None  # what is in the way was met before this, or is moved away
            if status is None:
                continue
            if not stat.S_ISDIR(status.st_mode):
                raise RefusedError("in_the_way", f"{os.fsdecode(entry.path)!r} is no folder on the server, but in the backup")
            if status.st_dev != home:
                raise RefusedError("mount_inside", f"{os.fsdecode(entry.path)!r} is on a file system of its own")


def _unpacked(request: TreeRequest, place: TreeWorkplace, deadline: Deadline, *, into: bool) -> "dict[str, Any]":
    with open(place.file(COPY_PARTIAL), "rb") as copy:
        try:
            offset = take_list(request, copy, place.file(EXPECTED))
        except RefusedError:
            place.discard(COPY_PARTIAL)
            raise
        unpacking = TreeUnpacking(request, place, deadline, into=into)
        unpacking.unpack(CopyMembers(copy, offset))
    # One call for a million files: to sync each by itself takes hours on a disk that turns.
    os.sync()
    if unpacking.entries != request.entries:
        raise RefusedError("altered_copy", f"{unpacking.entries} entries are listed, and {request.entries} were announced")
    return {
        "sha256": request.sha256,
        "size": request.size,
        "entries": unpacking.entries,
        "files": unpacking.files,
        "lacks": unpacking.lacks.counts,
        "tree": os.fsdecode(place.file(NEW_TREE)),
    }
"""Which processes use a folder, or some files in it, as far as this account can see them."""

import os
import re
from contextlib import suppress




class WantedPaths:
    """What of a folder is meant: these very files, else what patterns match, else all of it; paths relative to the folder."""

    def __init__(self, files: "list[str]", patterns: "list[str]") -> None:
        self.is_all = not files and not patterns
        self._files = {path.encode("utf-8", "surrogateescape") for path in files}
        self._patterns = PathPatterns(patterns)

    def has(self, path: bytes) -> bool:
        """Tell whether a path is meant, or lies in what is."""
        if self.is_all or self._files:
            return self.is_all or path in self._files
        places = self._patterns.start()
        for name in path.split(b"/"):
            places = self._patterns.below(places, name)
            if self._patterns.matched(places):
                return True
        return False


def users_of_tree(root: bytes, wanted: WantedPaths) -> "list[str]":
    """Return `pid 123 (name)` for each process, never our own, that has something of it open, or works in the whole of it."""
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()] if os.path.isdir("/proc") else []
    return [_named(pid) for pid in sorted(pids) if pid != os.getpid() and _uses(pid, root, wanted)]


def _uses(pid: int, root: bytes, wanted: WantedPaths) -> bool:
    links = [] if not wanted.is_all else [f"/proc/{pid}/cwd", f"/proc/{pid}/root"]
    with suppress(OSError):  # it has ended, or is another user's
        links += [f"/proc/{pid}/fd/{name}" for name in os.listdir(f"/proc/{pid}/fd")]
    for link in links:
        with suppress(OSError):
            path = os.readlink(os.fsencode(link))
            if path == root and wanted.is_all:
                return True
            if path.startswith(root + b"/") and wanted.has(path[len(root) + 1 :]):
                return True
    return False


def _named(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/comm", "rb") as file:
            name = re.sub(r"[^ -~]", "?", file.read().decode("utf-8", "replace").strip())
    except OSError:
        name = "unknown"
    return f"pid {pid} ({name})"
"""A whole tree takes the place of another by renaming: the old one is moved aside and kept. Each step can be repeated."""

import os
from typing import Any











def put_tree(marker: "dict[str, Any]", target: TreeTarget, place: TreeWorkplace) -> None:
    """Move what is there aside, and let the new tree take its place; a folder is never renamed over one that holds anything."""
    if identity_of(target.path) != marker["new"]:
        if not place.has(NEW_TREE):
            raise RefusedError("not_whole", "the new tree has gone from where it was put")
        aside = place.folder(ASIDE)
        here, there = identity_of(target.path), os.path.join(aside, target.name)
        if here and (here != marker["old"] or os.path.lexists(there)):
            raise RefusedError("target_exists", "something else has appeared there while the old folder was moved aside")
        if here:
            os.rename(target.path, there)
            sync_folder(aside)
            sync_folder(target.folder)
        os.rename(place.file(NEW_TREE), target.path)
        sync_folder(target.folder)
        sync_folder(place.path)
    _finish_root(target, place)


def _finish_root(target: TreeTarget, place: TreeWorkplace) -> None:
    """Give the folder itself what it has: only now, since one that forbids writing cannot be renamed by everybody."""
    for entry in expected_entries(place):
        if entry.path == b".":
            descriptor = os.open(target.path, TREE_FOLDER_FLAGS)
            try:
                give_meta(descriptor, entry, Lacks())
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            return


def take_back_tree(marker: "dict[str, Any]", target: TreeTarget, place: TreeWorkplace) -> None:
    """Move the new tree away with all that was written in it. Raise RefusedError if something else stands there."""
    here = identity_of(target.path)
    if not here or here == marker["old"]:
        return  # it was moved away before, or nothing had been moved yet
    if here != marker["new"]:
        raise RefusedError("target_exists", "what stands there now is neither the old folder nor the restored one")
    os.chmod(target.path, 0o700)  # one that forbids writing cannot be renamed by everybody
    os.rename(target.path, os.path.join(place.folder(UNDONE), target.name))
    sync_folder(target.folder)


def put_back_tree(target: TreeTarget, place: TreeWorkplace) -> None:
    """Move the old folder back."""
    there = os.path.join(place.folder(ASIDE), target.name)
    if os.path.lexists(there):
        if target.exists:
            raise RefusedError("target_exists", f"{os.fsdecode(target.path)} has appeared meanwhile")
        os.rename(there, target.path)
        sync_folder(target.folder)
"""Chosen paths are put into a folder that stays: what was there of each is moved aside first. Each step can be repeated.

Where a thing lies tells how far it came: in `new` until it was put, what it replaced in `aside`, what was taken back in `undone`.
"""

import errno
import os
import stat
from contextlib import suppress
from typing import Any









MOVED = "moved.json"
"""Notes that everything that was to be gone has been moved away."""

NO_HARD_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK)


def missing_folders(request: TreeRequest, target: TreeTarget, place: TreeWorkplace) -> "list[str]":
    """Return the folders that are to be made, as the live tree is before anything is moved."""
    moved = tuple(encoded_path(path) for path in request.away)
    with FolderChain(target.path) as live:
        return [
            os.fsdecode(entry.path)
            for entry in expected_entries(place)
            if entry.is_folder and entry.path != b"." and (is_below(entry.path, moved) or live.status(entry.path) is None)
        ]


def times_of_folders(request: TreeRequest, target: TreeTarget, place: TreeWorkplace) -> "dict[str, list[int]]":
    """Return the times of the folders that things will be moved in and out of, as the live tree is before that."""
    paths = [entry.path for entry in expected_entries(place) if entry.path != b"."]
    parents = {os.path.dirname(path) or b"." for path in [*paths, *(encoded_path(path) for path in request.away)]}
    found = {}  # type: dict[str, list[int]]
    with FolderChain(target.path) as live:
        for path in sorted(parents):
            try:
                status = live.status(path)
            except OSError:  # a link, or a file, which is moved away
                continue
            if status is not None and stat.S_ISDIR(status.st_mode):
                found[os.fsdecode(path)] = [status.st_atime_ns, status.st_mtime_ns]
    return found


def is_below(path: bytes, folders: "tuple[bytes, ...]") -> bool:
    """Tell whether a path is one of these, or lies in one."""
    return any(path == folder or path.startswith(folder + b"/") for folder in folders)


class ChosenPaths:
    """One exchange of chosen paths: its `marker` has the folders that it makes, and takes away again if it is rolled back.

    It has the times of those that stay, too, for a folder should not look as if the game had written in it.
    """

    def __init__(
        self, request: TreeRequest, target: TreeTarget, place: TreeWorkplace, deadline: Deadline, marker: "dict[str, Any]"
    ) -> None:
        self._away = [encoded_path(path) for path in request.away]
        self._folders = [os.fsencode(path) for path in marker["folders"]]
        self._times = {os.fsencode(path): times for path, times in marker["times"].items()}
        self._target = target
        self._place = place
        self._deadline = deadline

    def put(self) -> None:
        """Move away what is to be gone and what is replaced, and put what was chosen."""
        new = set(self._folders)
        with FolderChain(self._target.path) as live:
            if not self._place.has(MOVED):
                for path in self._away:
                    self._move(live, path, ASIDE)
                self._place.note(MOVED, {})  # from here on what stands at those paths is what this recovery puts there
            for path in self._folders:
                self._made_or_refused(live, path)
            for entry in self._items():
                self._put(live, entry)
            for entry in reversed([one for one in expected_entries(self._place) if one.is_folder and one.path in new]):
                descriptor = os.dup(live.folder(entry.path.split(b"/")))
                try:
                    give_meta(descriptor, entry, Lacks())
                finally:
                    os.close(descriptor)
            self._give_times(live)
        os.sync()

    def take_back(self) -> None:
        """Move away what was put."""
        with FolderChain(self._target.path) as live:
            for entry in self._items():
                if os.path.lexists(self._in(UNDONE, entry.path)):
                    continue
                status, waiting = live.status(entry.path), self._in(NEW_TREE, entry.path)
                if not os.path.lexists(waiting):
                    self._move(live, entry.path, UNDONE)
                elif status is not None and os.path.samestat(status, os.lstat(waiting)):
                    folder, name = live.parent(entry.path)
                    os.unlink(name, dir_fd=folder)
        os.sync()

    def put_back(self) -> None:
        """Remove the folders that were made, and move back what was moved aside, each to where it was."""
        with FolderChain(self._target.path) as live:
            for path in reversed(self._folders if self._place.has(MOVED) else []):
                with suppress(OSError):  # it was never made, or holds what a program has put there, and stays
                    folder, name = live.parent(path)
                    os.chmod(name, 0o700, dir_fd=folder)
                    os.rmdir(name, dir_fd=folder)
        with FolderChain(self._target.path) as live:
            for path in self._away:
                self._return(live, path)
            for entry in self._items():
                self._return(live, entry.path)
        aside = self._place.folder(ASIDE)
        for parent, _, _ in os.walk(aside, topdown=False):
            with suppress(OSError):  # not empty: it is kept
                os.rmdir(parent)
        with FolderChain(self._target.path) as live:
            self._give_times(live)
        os.sync()

    def _give_times(self, live: FolderChain) -> None:
        for path, (accessed, written) in self._times.items():
            with suppress(OSError):  # it is no folder any more, or not there
                os.utime(live.folder([] if path == b"." else path.split(b"/")), ns=(accessed, written))

    def _items(self) -> "list[ExpectedEntry]":
        return [entry for entry in expected_entries(self._place) if not entry.is_folder]

    def _in(self, name: str, path: bytes) -> bytes:
        return os.path.join(self._place.file(name), path)

    def _made_or_refused(self, live: FolderChain, path: bytes) -> None:
        try:
            live.make(path)
        except OSError:
            raise RefusedError("in_the_way", f"{os.fsdecode(path)!r} is no folder any more that could be made") from None

    def _put(self, live: FolderChain, entry: ExpectedEntry) -> None:
        self._deadline.check()
        waiting = self._in(NEW_TREE, entry.path)
        if not os.path.lexists(waiting):
            return  # it was put before
        try:
            status = live.status(entry.path)
            if status is None or not os.path.samestat(status, os.lstat(waiting)):
                self._move(live, entry.path, ASIDE)
                folder, name = live.parent(entry.path)
                link_or_rename(waiting, folder, name)
        except OSError as error:
            if error.errno not in (errno.ENOTDIR, errno.ELOOP):
                raise
            raise RefusedError("in_the_way", f"{os.fsdecode(entry.path)!r} lies in what is no folder any more") from None
        with suppress(FileNotFoundError):
            os.unlink(waiting)

    def _move(self, live: FolderChain, path: bytes, name: str) -> None:
        """Move what stands at a path into the workplace, if anything does."""
        if live.status(path) is None:
            return
        there = self._in(name, path)
        self._place.folder(name)
        os.makedirs(os.path.dirname(there), 0o700, exist_ok=True)
        if os.path.lexists(there):
            raise RefusedError("target_exists", f"there are two files that belong at {os.fsdecode(path)}")
        folder, own = live.parent(path)
        os.rename(own, there, src_dir_fd=folder)

    def _return(self, live: FolderChain, path: bytes) -> None:
        there = self._in(ASIDE, path)
        if not os.path.lexists(there):
            return
        if live.status(path) is not None:
            raise RefusedError("target_exists", f"{os.fsdecode(path)!r} has appeared meanwhile")
        folder, name = live.parent(path)
        os.rename(there, name, dst_dir_fd=folder)


def link_or_rename(source: bytes, folder: int, name: bytes) -> None:
    """Give a file or a link its name in a folder, never over anything where the file system has hard links."""
    try:
        os.link(source, name, dst_dir_fd=folder, follow_symlinks=False)
    except FileExistsError:
        raise RefusedError("target_exists", f"{os.fsdecode(name)!r} has appeared meanwhile") from None
    except OSError as error:
        if error.errno not in NO_HARD_LINKS:
            raise
        os.rename(source, name, dst_dir_fd=folder)
"""The swap of trees and the way back, each of which can be repeated after it was cut off: the marker says how far it came."""

import os
import time
from typing import Any











TREE_SET_ASIDE, TREE_PLACE = "set_aside", "place"
TREE_BEGUN, TREE_FINISHED = "begun", "finished"
TREE_UNDOING, TREE_RETURNING, TREE_ROLLED_BACK = "undoing", "returning", "rolled_back"
NO_TREE_SWAPPED = "Nothing had been swapped: the target is as it was."


def swap_tree(request: TreeRequest, target: TreeTarget, place: TreeWorkplace, deadline: Deadline) -> "dict[str, Any]":
    """Let the new tree, or what was chosen, take its place and return the report; what was finished before is told again."""
    if request.method not in (TREE_SET_ASIDE, TREE_PLACE):
        raise RefusedError("bad_request", f"there is no method {request.method!r}")
    with place.held(deadline):
        checked = checked_tree(request, place)
        marker = place.read(MARKER)
        if marker is None:
            marker = _begin_swap_of_tree(request, target, place, checked)
            place.note(MARKER, marker)
        if marker["phase"] not in (TREE_BEGUN, TREE_FINISHED):
            raise RefusedError("rolled_back", "this recovery has been taken back")
        if marker["method"] != request.method:
            raise RefusedError("other_method", f"the swap was begun by the method {marker['method']}")
        if marker["phase"] == TREE_FINISHED:
            return dict(marker["report"])
        started = time.monotonic()
        if marker["into"]:
            ChosenPaths(request, target, place, deadline, marker).put()
        else:
            put_tree(marker, target, place)
        report = {"method": request.method, "fingerprint": None, "moved_on": False, "notes": []}  # type: dict[str, Any]
        has_kept = bool(os.listdir(place.folder(ASIDE)))
        report.update(kept=os.fsdecode(place.file(ASIDE)) if has_kept else None, seconds=round(time.monotonic() - started, 6))
        place.note(MARKER, dict(marker, phase=TREE_FINISHED, report=report))
        return report


def _begin_swap_of_tree(
    request: TreeRequest, target: TreeTarget, place: TreeWorkplace, checked: "dict[str, Any]"
) -> "dict[str, Any]":
    if request.method == TREE_PLACE and target.exists:
        raise RefusedError("target_exists", "something is there, and this method replaces nothing")
    if not place.has(NEW_TREE):
        raise RefusedError("not_whole", "the new tree has gone from where it was made")
    users = users_of_tree(target.path, WantedPaths(request.asked_of, request.paths)) if target.exists else []
    if users:
        raise RefusedError("in_use", f"open by {', '.join(users)}")
    marker = {"method": request.method, "phase": TREE_BEGUN, "into": checked["into"]}  # type: dict[str, Any]
    marker.update(new=identity_of(place.file(NEW_TREE)), old=identity_of(target.path), folders=[], times={})
    if checked["into"]:
        marker["folders"] = missing_folders(request, target, place)
        marker["times"] = times_of_folders(request, target, place)
    return marker


def roll_back_tree(request: TreeRequest, target: TreeTarget, place: TreeWorkplace, deadline: Deadline) -> str:
    """Bring back what the swap replaced, and say so in a sentence; what was rolled back before is told again."""
    if not place.exists:
        return NO_TREE_SWAPPED
    with place.held(deadline):
        marker = place.read(MARKER)
        if marker is None:
            return NO_TREE_SWAPPED
        if marker["phase"] != TREE_ROLLED_BACK:
            sentence = _undo_tree(request, target, place, deadline, marker)
            marker = dict(marker, phase=TREE_ROLLED_BACK, sentence=sentence)
            place.note(MARKER, marker)
        return str(marker["sentence"])


def _undo_tree(
    request: TreeRequest, target: TreeTarget, place: TreeWorkplace, deadline: Deadline, marker: "dict[str, Any]"
) -> str:
    chosen = ChosenPaths(request, target, place, deadline, marker) if marker["into"] else None
    if marker["phase"] != TREE_RETURNING:
        place.note(MARKER, dict(marker, phase=TREE_UNDOING))
        if chosen is not None:
            chosen.take_back()
        else:
            take_back_tree(marker, target, place)
        place.note(MARKER, dict(marker, phase=TREE_RETURNING))
    if chosen is not None:
        chosen.put_back()
        return "The restored files have been taken away, and what stood there before stands there again."
    put_back_tree(target, place)
    return "The restored folder has been taken away, and what stood there before stands there again."


def clean_up_tree(place: TreeWorkplace, deadline: Deadline) -> bool:
    """Remove everything of this recovery but what was set aside, and tell whether that stays.

    What was set aside is kept: a folder may hold what no backup of it has. Raise RefusedError while a swap is half-way.
    """
    if not place.exists:
        return False
    with place.held(deadline):
        marker = place.read(MARKER)
        if marker is not None and marker["phase"] not in (TREE_FINISHED, TREE_ROLLED_BACK):
            raise RefusedError("unfinished", "the swap was begun, and neither finished nor rolled back")
        place.remove(keep=ASIDE)
        return place.exists
"""What stands where a folder is to be restored, and whether a recovery can work there; nothing is written."""

import os
import platform
from typing import Any







SPARE_ROOM_FOR_TREES = 16 << 20
ROOM_FOR_ENTRY = 4096
"""What the name and the last block of a file, or a folder, take on a usual file system."""


def survey_tree(request: TreeRequest, target: TreeTarget, place: TreeWorkplace, deadline: Deadline) -> "dict[str, Any]":
    """Return everything that is decided by. Raise RefusedError if this account cannot do it at all."""
    if target.is_new and target.exists and not place.has(MARKER):
        raise RefusedError("target_exists", "something is there already, and the fleet file does not name it as a folder")
    state, notes = "missing", []
    if target.exists:
        state = "healthy" if target.is_folder else "foreign"
        notes = [] if target.is_folder else ["what stands there is no folder"]
    if request.chosen and state == "foreign":
        raise RefusedError("in_the_way", "what stands there is no folder that anything could be put into")
    room = os.statvfs(target.folder)
    needed = request.size + request.content_size * 11 // 10 + request.entries * ROOM_FOR_ENTRY + SPARE_ROOM_FOR_TREES
    found = {"target_state": state, "journal_mode": None, "page_size": None, "schema_sha256": None}  # type: dict[str, Any]
    found.update(size=_size_of(target, deadline), notes=notes, runtime=f"python {platform.python_version()}")
    found.update(open_by=users_of_tree(target.path, WantedPaths(request.asked_of, request.paths)) if target.exists else [])
    found.update(room_free=room.f_bavail * room.f_frsize, room_needed=max(0, needed - place.used()))
    return found


def _size_of(target: TreeTarget, deadline: Deadline) -> int:
    if not target.is_folder:
        return 0
    total = 0
    for parent, _, names in os.walk(target.path):
        deadline.check()
        for name in names:
            try:
                total += os.lstat(os.path.join(parent, name)).st_size
            except OSError:  # it has just gone
                continue
    return total
"""The proof that what was restored stands where it belongs, with the programs that use it running."""

import hashlib
import os
import stat
from typing import Any










MOST_WRONG_NAMED = 10


class ProofOfTree:
    """Compares every entry with what is there. `wrong` are sentences on what differs though its time says it was not touched.

    `written` counts what a program has written since: its time, or that of the folder it is missing from, is another.
    """

    def __init__(self, target: TreeTarget, deadline: Deadline) -> None:
        self._target = target
        self._deadline = deadline
        self._touched = set()  # type: set[bytes]
        self.entries = self.written = self.unreadable = self.failed = 0
        self.wrong = []  # type: list[str]
        self.lacks = Lacks()

    def compare(self, place: TreeWorkplace, *, into: bool) -> None:
        """Compare all that is expected."""
        with FolderChain(self._target.path) as live:
            for entry in expected_entries(place):
                self._deadline.check()
                if entry.is_way and into:
                    continue
                self.entries += 1
                try:
                    self._compare(entry, live, into=into)
                except PermissionError:
                    self.unreadable += 1
                except FileNotFoundError:
                    self._missing(entry)
                except OSError as error:
                    self._fail(entry, str(error.strerror))

    def _compare(self, entry: ExpectedEntry, live: FolderChain, *, into: bool) -> None:
        folder, name = live.parent(entry.path)
        status = os.lstat(name, dir_fd=folder)
        kinds = {"directory": stat.S_ISDIR, "symlink": stat.S_ISLNK}
        if not kinds.get(entry.kind, stat.S_ISREG)(status.st_mode):
            self._fail(entry, f"it is no {entry.kind}")
        elif entry.is_folder:
            if status.st_mtime_ns != entry.mtime_ns:
                self._touched.add(entry.path)
            if not into:
                compare_meta(status, entry, self.lacks)
        elif entry.kind == "symlink":
            if os.readlink(name, dir_fd=folder) != entry.target:
                self._fail(entry, "it leads elsewhere")
        elif entry.kind == "file":
            self._compare_file(entry, status, folder, name)
        else:
            first, own = live.parent(entry.target)
            if not os.path.samestat(os.lstat(own, dir_fd=first), status):
                self.written += 1

    def _compare_file(self, entry: ExpectedEntry, status: "os.stat_result", folder: int, name: bytes) -> None:
        if status.st_mtime_ns != entry.mtime_ns:
            self.written += 1
            return
        compare_meta(status, entry, self.lacks)
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        try:
            digest = hashlib.sha256()
            while True:
                block = os.read(descriptor, CHUNK)
                if not block:
                    break
                self._deadline.check()
                digest.update(block)
            if digest.hexdigest() == entry.sha256:
                return
            if os.fstat(descriptor).st_mtime_ns != entry.mtime_ns:
                self.written += 1
            else:
                self._fail(entry, f"it has sha256 {digest.hexdigest()}, not {entry.sha256}")
        finally:
            os.close(descriptor)

    def _missing(self, entry: ExpectedEntry) -> None:
        """Something may have been removed by a program: then its folder, or the lowest one that is left, has another time."""
        parent = os.path.dirname(entry.path) or b"."
        if parent in self._touched or entry.path in self._touched:
            self._touched.add(entry.path)
            self.written += 1
        else:
            self._fail(entry, "it is missing")

    def _fail(self, entry: ExpectedEntry, cause: str) -> None:
        self.failed += 1
        if len(self.wrong) < MOST_WRONG_NAMED:
            self.wrong.append(f"{os.fsdecode(entry.path)!r}: {cause}")


def verify_tree(request: TreeRequest, target: TreeTarget, place: TreeWorkplace, deadline: Deadline) -> "dict[str, Any]":
    """Compare what stands there with what is expected, and count what programs have written since."""
    into = checked_tree(request, place)["into"]
    proof = ProofOfTree(target, deadline)
    proof.compare(place, into=into)
    found = {"entries": proof.entries, "written": proof.written, "unreadable": proof.unreadable}  # type: dict[str, Any]
    return dict(found, failed=proof.failed, wrong=proof.wrong, lacks=proof.lacks.counts)
"""The requests of a folder's recovery, each by its name."""

import sys
from collections.abc import Callable
from typing import Any, BinaryIO










RESTORE_TREE = "tree_"
"""What the operations of a recovery begin with."""

DEEPEST = 10000
"""Folders in folders that are gone down into before Python gives up; as many as there are single letters in the longest path."""


def restore_tree(values: "dict[str, Any]", deadline: Deadline, stdin: Any, stdout: BinaryIO) -> "dict[str, Any]":
    """Do what a request of a folder's recovery asks, and return the reply; every failure is a reply too."""
    sys.setrecursionlimit(DEEPEST)
    try:
        return {"ok": _do(TreeRequest(values), deadline, stdin, stdout)}
    except RefusedError as error:
        refused = error
    except OSError as error:
        refused = explain(error, None)
    return {"error": refused.reason, "cause": refused.cause}


def _do(request: TreeRequest, deadline: Deadline, stdin: Any, stdout: BinaryIO) -> object:
    target = TreeTarget(request)
    place = TreeWorkplace(request, target)
    operations: dict[str, Callable[[], object]] = {
        "survey": lambda: survey_tree(request, target, place, deadline),
        "received": lambda: {"received": received(request, place)},
        "receive": lambda: receive(request, place, deadline, stdin, stdout),
        "check": lambda: check_tree(request, target, place, deadline),
        "swap": lambda: swap_tree(request, target, place, deadline),
        "verify": lambda: verify_tree(request, target, place, deadline),
        "roll_back": lambda: {"sentence": roll_back_tree(request, target, place, deadline)},
        "clean_up": lambda: {"left": clean_up_tree(place, deadline)},
    }
    do = operations.get(request.operation[len(RESTORE_TREE) :])
    if do is None:
        raise RefusedError("bad_request", f"there is no operation {request.operation!r}")
    return do()
"""One request in, an archive or a reply out: the last part of the script."""

import json
import os
import resource
import signal
import sqlite3
import sys
from typing import Any, BinaryIO






ARCHIVE = "archive"
TREE_GRACE_SECONDS = 10
"""How long after its deadline the kernel ends this process, whatever it hangs in."""


def send_archive(values: "dict[str, Any]", deadline: Deadline, stdout: BinaryIO) -> None:
    """Write an archive as frames, or the reason why there is none. Raise OSError if nobody reads."""
    try:
        raise_file_limit()
        maker = ArchiveMaker(values, deadline)
    except RefusedError as error:
        reply_with(stdout, {"error": error.reason, "cause": error.cause})
        return
    frames = FrameWriter(stdout)
    frames.begin()
    try:
        reply = {"ok": maker.make(frames)}  # type: dict[str, object]
    except RefusedError as error:
        reply = {"error": error.reason, "cause": error.cause}
    except BrokenPipeError:
        raise
    except (sqlite3.Error, OSError) as error:
        refused = explain(error, None)
        reply = {"error": refused.reason, "cause": refused.cause}
    frames.end(reply)


def reply_with(stdout: BinaryIO, reply: "dict[str, object]") -> None:
    """Write one line of reply."""
    stdout.write((json.dumps(dict(reply, fleetsave=1), sort_keys=True) + "\n").encode())
    stdout.flush()


def raise_file_limit() -> None:
    """Let this process open as many files as it may: a walk keeps every folder on its way open."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def tree_main() -> None:
    """Read the request from standard input, and write the archive or the reply to standard output."""
    values = json.loads(sys.stdin.buffer.readline().decode())
    deadline = Deadline(float(values["deadline"]))
    signal.alarm(int(deadline.limit) + TREE_GRACE_SECONDS)
    os.umask(0o077)
    try:
        if values["operation"] == ARCHIVE:
            send_archive(values, deadline, sys.stdout.buffer)
        elif values["operation"].startswith(RESTORE_TREE):
            raise_file_limit()
            reply_with(sys.stdout.buffer, restore_tree(values, deadline, sys.stdin.buffer, sys.stdout.buffer))
        else:
            reply_with(sys.stdout.buffer, {"error": "bad_request", "cause": f"there is no operation {values['operation']!r}"})
    except BrokenPipeError:
        os._exit(1)  # nobody is there to be told
    os._exit(0)


if __name__ == "__main__":
    run_gate(
        sys.argv[1:],
        'import sys;b=sys.stdin.buffer;exec(compile(b.read(int(b.readline())),"fleetsave","exec"))',
        {
            "0c06253a167977ce425dee0c99d0f47ceb31851fee66fa2680c4e974b4723e82": main,
            "b30aef90476d169d7f261408f08766b6520efdcfb7d9aefac4ea2308762f2142": tree_main,
        },
    )
