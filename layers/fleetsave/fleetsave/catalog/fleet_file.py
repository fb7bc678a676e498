"""Reading and writing the fleet file: YAML text -> Fleet, with every problem named at once, where it stands."""

import difflib
import re
from collections.abc import Iterator
from types import UnionType
from typing import Any, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from fleetsave.model.errors import ConfigurationError, ObjectNotFoundError
from fleetsave.model.fleet import Fleet
from fleetsave.model.keys import FLEET_KEY
from fleetsave.store.base import ObjectStore

MAXIMUM_BYTES = 1 << 20
_MAXIMUM_NODES = 100_000
"""Values after aliases are followed; a megabyte of honest YAML has fewer, a file made of nested aliases has millions."""
_MAXIMUM_DEPTH = 40
_LONGEST_NAME = 32
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY")

Path = tuple[str | int, ...]


def parse_fleet(text: str) -> Fleet:
    """Read a fleet file.

    Raise ConfigurationError naming every problem with its line and its full path: bad YAML, duplicate and unknown keys
    (with the key that was probably meant), wrong values, more than MAXIMUM_BYTES bytes. No value of the file is repeated.
    """
    if len(text.encode(errors="surrogatepass")) > MAXIMUM_BYTES:
        raise _refused(f"it is larger than {MAXIMUM_BYTES} bytes", "Use globs for databases that lie together.")
    if _PRIVATE_KEY.search(text):
        raise _refused("it holds a private key", "Store the key as a secret, name it in key_secret, and replace the key.")
    content, lines = _load(text)
    try:
        return Fleet.model_validate(content)
    except ValidationError as error:
        problems = [_describe(problem, lines) for problem in error.errors(include_input=False, include_url=False)]
        raise _refused("; ".join(problems), "See fleet.example.yaml; `fleetsave config schema` lets an editor help.") from None


def read_fleet(store: ObjectStore) -> Fleet:
    """Read the fleet file of a bucket. Raise ConfigurationError if there is none or it is wrong, StoreError otherwise."""
    return parse_fleet(read_text(store))


def read_text(store: ObjectStore) -> str:
    """Return the fleet file of a bucket as it was pushed. Raise ConfigurationError if there is none."""
    try:
        body = store.get(FLEET_KEY, limit=MAXIMUM_BYTES)
    except ObjectNotFoundError:
        raise ConfigurationError(
            "read fleet file", FLEET_KEY, "there is none in the bucket", "Put one there: fleetsave config push fleet.yaml."
        ) from None
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _refused("it is not UTF-8 text", "Push it again: fleetsave config push fleet.yaml.") from None


def write_fleet(store: ObjectStore, text: str) -> Fleet:
    """Validate a fleet file and make it the bucket's; return it. Raise ConfigurationError, with nothing written."""
    fleet = parse_fleet(text)
    store.put(FLEET_KEY, text.encode())
    return fleet


def _load(text: str) -> tuple[Any, dict[Path, int]]:
    """Return the content of a YAML mapping and the line, from 1, on which each path stands."""
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if not isinstance(node, yaml.MappingNode):
            raise _refused("it is not a mapping", "Begin with `version: 1` and `servers:`; see fleet.example.yaml.")
        lines: dict[Path, int] = {}
        doubled = list(_walk(node, (), lines))
        if doubled:
            raise _refused("; ".join(doubled), "Remove one of the two.")
        return loader.construct_document(node), lines
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = re.sub(r"(?<=')[^']+(?=')", lambda quoted: _cut(quoted[0]), str(error.problem))
        raise _refused(f"line {mark.line + 1 if mark else '?'}: {problem}", "Correct the YAML there.") from None
    except yaml.YAMLError:
        raise _refused("it holds characters that YAML does not allow", "Save it as plain UTF-8 text.") from None
    except (ValueError, OverflowError, RecursionError) as error:
        cause = (
            "it is nested too deep"
            if isinstance(error, RecursionError)
            else "a value cannot be read as the number or date it looks like"
        )
        raise _refused(cause, "Put quotes round values that are not meant as numbers or dates.") from None


def _walk(node: yaml.Node, path: Path, lines: dict[Path, int]) -> Iterator[str]:
    """Fill `lines`, and yield a sentence for each key that a mapping holds twice."""
    lines[path] = node.start_mark.line + 1
    if len(lines) > _MAXIMUM_NODES or len(path) > _MAXIMUM_DEPTH:
        raise _refused("its aliases or its nesting make it too large", "Write the values out.")
    if isinstance(node, yaml.SequenceNode):
        for position, item in enumerate(node.value):
            yield from _walk(item, (*path, position), lines)
    elif isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            name = str(key.value) if isinstance(key, yaml.ScalarNode) else "?"
            if name in seen:
                yield f"line {key.start_mark.line + 1}, {_spell((*path, name))}: the key stands there twice"
            seen.add(name)
            yield from _walk(value, (*path, name), lines)
            lines[(*path, name)] = key.start_mark.line + 1


def _describe(problem: ErrorDetails, lines: dict[Path, int]) -> str:
    path = tuple(part for part in problem["loc"] if part != "[key]")
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        message = "unknown key" + _suggestion(path)
    elif problem["type"] == "missing":
        message = "is missing"
    elif problem["type"] == "string_type":
        message = "must be text; put quotes round what YAML would read as a number, date or truth value"
    known = path
    while known and known not in lines:
        known = known[:-1]
    return f"line {lines.get(known, 1)}, {_spell(path) or 'the file'}: {message}"


def _spell(path: Path) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{_cut(part)}" for part in path)
    return text.removeprefix(".")


def _cut(name: str) -> str:
    """Return a name as it may be shown: what is longer than any of ours may be a secret in the wrong place."""
    return name if len(name) <= _LONGEST_NAME else f"{name[:8]}..."


def _suggestion(path: Path) -> str:
    """Return the fields that the place of an unknown key does have, the likeliest alone if there is one."""
    fields = list(_model_at(path[:-1]).model_fields)
    near = difflib.get_close_matches(str(path[-1]), fields, n=1)
    return f"; did you mean '{near[0]}'?" if near else f"; known here: {', '.join(fields)}"


def _model_at(path: Path) -> type[BaseModel]:
    """Return the model that stands at a path at which pydantic found an unknown key."""
    model: type[BaseModel] = Fleet
    for part in path:
        if isinstance(part, str):
            model = next(_models(model.model_fields[part].annotation))
    return model


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if get_origin(annotation) in (list, Union, UnionType):
        for argument in get_args(annotation):
            yield from _models(argument)
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation


def _refused(cause: str, hint: str) -> ConfigurationError:
    return ConfigurationError("read fleet file", "fleet.yaml", cause, hint)
