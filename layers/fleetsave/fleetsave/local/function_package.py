"""A deployed function as the emulator holds it: its configuration, and its code and layers unpacked as on Lambda."""

import hashlib
import io
import shutil
import tempfile
import urllib.request
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Package:
    """One revision of a function: `task` holds its code, `layers` what /opt does on Lambda; `memory` in MiB, `timeout` in s."""

    name: str
    revision: str
    handler: str
    runtime: str
    role: str
    memory: int
    timeout: int
    log_format: str
    variables: Mapping[str, str]
    task: Path
    layers: Path

    def remove(self) -> None:
        """Remove the unpacked code; layers stay, as others share them."""
        shutil.rmtree(self.task, ignore_errors=True)


def fetch(client: Any, name: str, folder: Path) -> Package:
    """Fetch a function's configuration, code and layers, and unpack them below `folder`.

    `client` is a Lambda client. Raise botocore's ClientError if there is no such function.
    """
    function = client.get_function(FunctionName=name)
    configuration = function["Configuration"]
    folder.mkdir(parents=True, exist_ok=True)
    task = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=folder))
    _unpack(function["Code"]["Location"], task)
    return Package(
        name=name,
        revision=configuration["RevisionId"],
        handler=configuration["Handler"],
        runtime=configuration["Runtime"],
        role=configuration["Role"],
        memory=configuration["MemorySize"],
        timeout=configuration["Timeout"],
        log_format=configuration.get("LoggingConfig", {}).get("LogFormat", "Text"),
        variables=configuration.get("Environment", {}).get("Variables", {}),
        task=task,
        layers=_layers(client, [layer["Arn"] for layer in configuration.get("Layers", [])], folder),
    )


def _layers(client: Any, arns: Sequence[str], folder: Path) -> Path:
    """Unpack layers one over the other; a layer's version never changes, so functions with the same layers share the folder."""
    merged = folder / f"layers-{hashlib.sha256(' '.join(arns).encode()).hexdigest()[:16]}"
    if not merged.exists():
        building = Path(tempfile.mkdtemp(prefix="unpacking-", dir=folder))
        building.chmod(0o755)  # as /opt is
        for arn in arns:
            _unpack(client.get_layer_version_by_arn(Arn=arn)["Content"]["Location"], building)
        building.rename(merged)
    return merged


def _unpack(url: str, folder: Path) -> None:
    """Unpack a zip from the emulator, with the permission bits that zipfile leaves out."""
    with urllib.request.urlopen(url, timeout=60) as reply:  # noqa: S310 - the emulator's own http address
        archive = zipfile.ZipFile(io.BytesIO(reply.read()))
    for member in archive.infolist():
        path = Path(archive.extract(member, folder))
        if mode := member.external_attr >> 16 & 0o777:
            path.chmod(mode | 0o600)
