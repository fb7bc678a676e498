"""The two stores a local stack can back up to, and what the template must be told of each."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from fleetsave.local.emulator import ADMIN_KEY, REGION, Emulator
from fleetsave.local.seaweedfs import SeaweedFS
from fleetsave.settings import Provider
from fleetsave.store import profiles
from fleetsave.store.base import ObjectStore
from fleetsave.store.s3 import S3Store

_BUCKET = "fleetsave-backups"
_KEY_PAIR_AT = "fleetsave/store"
_FUNCTIONS = "functions"
_RIGHTS = ("Read", "Write", "List", "Tagging")


class StackStore(Protocol):
    """A store beside the emulator, or in it."""

    @property
    def endpoint(self) -> str:
        """Return its address."""
        ...

    def start(self) -> None:
        """Start what must run before the emulator. Raise RuntimeError if it does not start."""
        ...

    def stop(self) -> None:
        """Stop it; stopping twice is no error."""
        ...

    def prepare(self, emulator: Emulator) -> Mapping[str, str]:
        """Make what must be there before the stack is deployed, and return the template's parameters for this store."""
        ...

    def open(self, bucket: str) -> ObjectStore:
        """Return the store as its administrator sees it."""
        ...


class SeaweedFsStore:
    """SeaweedFS, as any store but Amazon's: its bucket is there before the stack, and a secret holds the functions' key."""

    def __init__(self, folder: Path) -> None:
        self._seaweedfs = SeaweedFS(folder, identities={_FUNCTIONS: [f"{right}:{_BUCKET}" for right in _RIGHTS]})

    @property
    def endpoint(self) -> str:
        """Return its address."""
        return self._seaweedfs.endpoint

    def start(self) -> None:
        """Start the server and make its bucket, versioned."""
        self._seaweedfs.start()
        self._seaweedfs.create_bucket(_BUCKET)

    def stop(self) -> None:
        """Stop the server; stopping twice is no error."""
        self._seaweedfs.stop()

    def prepare(self, emulator: Emulator) -> Mapping[str, str]:
        """Put the functions' key into a secret, and return where the store is and that collect must announce."""
        pair = self._seaweedfs.credentials(_FUNCTIONS)
        key = {"access_key_id": pair.access_key_id, "secret_access_key": pair.secret_access_key}
        emulator.put_secret(_KEY_PAIR_AT, json.dumps(key))
        return {
            "StoreEndpoint": self._seaweedfs.endpoint,
            "StoreRegion": self._seaweedfs.region,
            "StoreBucket": _BUCKET,
            "StoreProvider": Provider.PORTABLE,
            "StoreSecret": _KEY_PAIR_AT,
            "EventSource": "fleetsave.store",
        }

    def open(self, bucket: str) -> ObjectStore:
        """Return the store as its administrator sees it."""
        return S3Store(self._seaweedfs.client(), bucket, conditional_writes=False)


class EmulatorStore:
    """The emulator's own S3, as on AWS: the template makes the bucket, policies bind every role, events come by themselves."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint

    def start(self) -> None:
        """Do nothing: it is part of the emulator."""

    def stop(self) -> None:
        """Do nothing: it ends with the emulator."""

    def prepare(self, emulator: Emulator) -> Mapping[str, str]:  # noqa: ARG002 - the port's signature
        """Return no parameter: the template's defaults are meant for this."""
        return {}

    def open(self, bucket: str) -> ObjectStore:
        """Return the store as the emulator's root user sees it."""
        client = profiles.client(
            Provider.AWS, endpoint=self.endpoint, region=REGION, access_key_id=ADMIN_KEY, secret_access_key=ADMIN_KEY
        )  # fmt: skip
        return S3Store(client, bucket, conditional_writes=True)
