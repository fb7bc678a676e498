"""The project's template, built by `sam build` and deployed by `sam deploy` into the emulator; nothing is done twice."""

import fcntl
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from fleetsave.local.emulator import Emulator
from fleetsave.local.sam import run_sam, this_machine

_ARTIFACTS = "fleetsave-artifacts"
_NOT_DEPLOYED = {"__pycache__", "fleetsave.egg-info", "cli", "local"}
"""Folders below `layers` that no layer takes (their Makefiles say so)."""

_UPDATABLE = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"}


class Deployment:
    """Deploys the template of one project. `folder` takes what SAM is told, `log` what it says."""

    def __init__(self, emulator: Emulator, *, project: Path, folder: Path, log: Path) -> None:
        self._emulator = emulator
        self._project = project
        self._folder = folder
        self._log = log
        self._target = this_machine()

    def deploy(self, stack_name: str, parameters: Mapping[str, str]) -> dict[str, str]:
        """Make the stack what the template, its code and `parameters` say, and return its outputs.

        Architecture, PythonRuntime and RequireTls are set to suit this machine and the emulator. The stack carries a tag of its
        sources, so that one which is current is left alone. Raise RuntimeError, with the end of SAM's output, if SAM fails.
        """
        local = {
            "Architecture": self._target.architecture,
            "PythonRuntime": f"python{self._target.python}",
            "RequireTls": "false",
        }
        overrides = json.dumps({**local, **parameters}, indent=1, sort_keys=True)
        source = source_digest(self._project)
        tag = hashlib.sha256(f"{source}{overrides}".encode()).hexdigest()[:32]
        stack = self._describe(stack_name)
        if stack is None or _tag(stack) != tag:
            if stack is not None and stack["StackStatus"] not in _UPDATABLE:
                self._delete(stack_name)
            self._tell_sam(overrides)
            with self._built(source) as template:
                self._deploy(stack_name, template, tag)
            stack = self._describe(stack_name)
        if stack is None:
            raise RuntimeError(f"the stack {stack_name} is not there after sam deploy (log: {self._log})")
        return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}

    def _tell_sam(self, overrides: str) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._overrides.write_text(overrides)
        # Empty: the project's own samconfig.toml is about AWS.
        self._configuration.write_text("version = 0.1\n")

    @property
    def _overrides(self) -> Path:
        return self._folder / "parameters.yaml"

    @property
    def _configuration(self) -> Path:
        return self._folder / "samconfig.toml"

    @contextmanager
    def _built(self, source: str) -> Iterator[Path]:
        """Give the built template of `source`, built at most once; nobody else builds in its folder meanwhile.

        The build is a folder in that of `build_folder`, for beside a build SAM keeps the list of what is in its cache.
        """
        folder = build_folder(self._project)
        marker = folder / "built-from"
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "build.lock").open("w") as lock:
            while True:
                fcntl.flock(lock, fcntl.LOCK_EX)
                if not _is_built_from(source, marker):
                    marker.unlink(missing_ok=True)
                    self._build(folder)
                    marker.write_text(source)
                fcntl.flock(lock, fcntl.LOCK_SH)
                # Between the two locks another process may have built another source.
                if _is_built_from(source, marker):
                    break
            yield folder / "build" / "template.yaml"

    def _build(self, folder: Path) -> None:
        self._sam(
            "build",
            ["--template-file", "template.yaml", "--build-dir", str(folder / "build"), "--cache-dir", str(folder / "cache")],
            ["--cached", "--parallel"],
        )

    def _deploy(self, name: str, template: Path, tag: str) -> None:
        self._emulator.client("s3").create_bucket(Bucket=_ARTIFACTS)
        self._sam(
            "deploy",
            ["--template-file", str(template), "--stack-name", name, "--s3-bucket", _ARTIFACTS, "--tags", f"source={tag}"],
            ["--capabilities", "CAPABILITY_IAM", "--no-confirm-changeset", "--no-fail-on-empty-changeset", "--no-progressbar"],
        )

    def _sam(self, command: str, *options: Sequence[str]) -> None:
        common = ["--config-file", str(self._configuration), "--parameter-overrides", f"file://{self._overrides}"]
        arguments = [command, *common, *(word for words in options for word in words)]
        run_sam(arguments, project=self._project, target=self._target, endpoint=self._emulator.endpoint, log=self._log)

    def _delete(self, name: str) -> None:
        """Delete what an interrupted or failed first deployment has left: CloudFormation does not update it."""
        cloudformation = self._emulator.client("cloudformation")
        cloudformation.delete_stack(StackName=name)
        cloudformation.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})

    def _describe(self, name: str) -> dict[str, Any] | None:
        try:
            stacks = self._emulator.client("cloudformation").describe_stacks(StackName=name)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ValidationError":
                return None
            raise
        stack: dict[str, Any] = stacks["Stacks"][0]
        return stack


def build_folder(project: Path) -> Path:
    """Return the folder of a project's build for this machine, named after what SAM's own cache does not see.

    In it are `build`, `cache`, `build.lock`, held by whoever builds or reads, and `built-from`, the digest of what was built.
    """
    target = this_machine()
    return project / ".aws-sam" / f"local-{target.architecture}-{target.python}"


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


def _is_built_from(source: str, marker: Path) -> bool:
    return marker.exists() and marker.read_text() == source


def _tag(stack: Mapping[str, Any]) -> str | None:
    if stack["StackStatus"] not in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
        return None
    return {tag["Key"]: tag["Value"] for tag in stack["Tags"]}.get("source")
