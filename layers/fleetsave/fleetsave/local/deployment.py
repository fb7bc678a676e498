"""The project's template, built by `sam build` and deployed by `sam deploy` into the emulator; nothing is done twice."""

import fcntl
import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from fleetsave.local.emulator import Emulator
from fleetsave.local.sam import Target, run_sam, this_machine

_ARTIFACTS = "fleetsave-artifacts"
_NOT_DEPLOYED = {"__pycache__", "fleetsave.egg-info", "cli", "local"}
"""Folders below `layers` that no layer takes (their Makefiles say so)."""


def deploy(
    emulator: Emulator, stack_name: str, parameters: Mapping[str, str], *, project: Path, folder: Path
) -> dict[str, str]:  # fmt: skip
    """Make the stack what the project's template, its code and `parameters` say, and return the stack's outputs.

    Architecture, PythonRuntime and RequireTls are set to suit this machine and the emulator. The stack carries a tag of its
    sources, so that one which is current is left alone. `folder` takes the log, sam.log. Raise RuntimeError, with the end of
    that log, if SAM fails.
    """
    target = this_machine()
    local = {"Architecture": target.architecture, "PythonRuntime": f"python{target.python}", "RequireTls": "false"}
    wanted_parameters = {**local, **parameters}
    source = source_digest(project)
    tag = hashlib.sha256(f"{source}{json.dumps(wanted_parameters, sort_keys=True)}".encode()).hexdigest()[:32]
    stack = _describe(emulator, stack_name)
    if stack is None or _tag(stack) != tag:
        log = folder / "sam.log"
        overrides = folder / "parameters.yaml"
        overrides.write_text(json.dumps(wanted_parameters, indent=1))
        with _built(project, target, source, overrides, emulator.endpoint, log) as template:
            _deploy(emulator, stack_name, template, tag, overrides, project=project, target=target, log=log)
        stack = _describe(emulator, stack_name)
    if stack is None:
        raise RuntimeError(f"the stack {stack_name} is not there after sam deploy (log: {folder / 'sam.log'})")
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def source_digest(project: Path) -> str:
    """Return a digest of all that `sam build` reads: template.yaml, functions and layers."""
    files = [project / "template.yaml"]
    for top in ("functions", "layers"):
        files += [
            path
            for path in sorted((project / top).rglob("*"))
            if path.is_file() and not _NOT_DEPLOYED & set(path.relative_to(project).parts)
        ]
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.relative_to(project)}\0{path.stat().st_mode}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


@contextmanager
def _built(project: Path, target: Target, source: str, overrides: Path, endpoint: str, log: Path) -> Iterator[Path]:
    """Give the built template of `source`, built at most once; nobody builds in that folder meanwhile."""
    top = project / ".aws-sam"
    build = top / target.name
    marker = top / f"{target.name}.built-from"
    top.mkdir(exist_ok=True)
    arguments = [
        "build", "--template-file", "template.yaml", "--config-file", str(_no_configuration(log.parent)),
        "--build-dir", str(build), "--cache-dir", f"{build}-cache", "--cached", "--parallel",
        "--parameter-overrides", f"file://{overrides}",
    ]  # fmt: skip
    with (top / f"{target.name}.lock").open("w") as lock:
        while True:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (marker.exists() and marker.read_text() == source and (build / "template.yaml").exists()):
                marker.unlink(missing_ok=True)
                run_sam(arguments, project=project, target=target, endpoint=endpoint, log=log)
                marker.write_text(source)
            fcntl.flock(lock, fcntl.LOCK_SH)
            # Between the two locks another process may have built another source.
            if marker.exists() and marker.read_text() == source:
                break
        yield build / "template.yaml"


def _deploy(
    emulator: Emulator, name: str, template: Path, tag: str, overrides: Path, *, project: Path, target: Target, log: Path
) -> None:  # fmt: skip
    emulator.client("s3").create_bucket(Bucket=_ARTIFACTS)
    arguments = [
        "deploy", "--template-file", str(template), "--config-file", str(_no_configuration(log.parent)),
        "--stack-name", name, "--s3-bucket", _ARTIFACTS, "--capabilities", "CAPABILITY_IAM",
        "--no-confirm-changeset", "--no-fail-on-empty-changeset", "--no-progressbar",
        "--tags", f"source={tag}", "--parameter-overrides", f"file://{overrides}",
    ]  # fmt: skip
    run_sam(arguments, project=project, target=target, endpoint=emulator.endpoint, log=log)


def _no_configuration(folder: Path) -> Path:
    """Return an empty samconfig: the project's own speaks of AWS."""
    path = folder / "samconfig.toml"
    path.write_text("version = 0.1\n")
    return path


def _describe(emulator: Emulator, name: str) -> dict[str, Any] | None:
    try:
        stack: dict[str, Any] = emulator.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":
            return None
        raise
    return stack


def _tag(stack: Mapping[str, Any]) -> str | None:
    if stack["StackStatus"] not in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
        return None
    return {tag["Key"]: tag["Value"] for tag in stack["Tags"]}.get("source")
