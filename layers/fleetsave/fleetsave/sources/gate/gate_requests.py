"""What may be asked of the script: requests built anew, with each path and each SQL compared with the configuration."""

from typing import Any

from fleetsave.sources.agent.door_fields import said_of_restore
from fleetsave.sources.agent.door_settings import are_checks, are_patterns, is_count, is_seconds
from fleetsave.sources.gate.gate_config import GateConfiguration, is_plain_path, meant_by, real_path
from fleetsave.sources.sqlite.server_side.ground import RefusedError

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
