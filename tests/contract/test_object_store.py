"""The object stores: in memory, SeaweedFS, OpenStack Swift over TLS, and the AWS emulator's S3, by one suite."""

from typing import Any

import pytest

from fleetsave.local.emulator import ADMIN_KEY, Emulator
from fleetsave.local.seaweedfs import SeaweedFS
from fleetsave.settings import Provider
from fleetsave.store import profiles
from fleetsave.store.s3 import S3Store
from tests.contract.object_store import PAGE_SIZE, SmallObjects, Subject
from tests.contract.object_store_refusals import Refusals, Refused
from tests.contract.object_store_uploads import Uploads
from tests.fakes.memory_store import MemoryStore
from tests.fixtures.stores import BUCKET, body_alterer, emulator_client, other_secret, swift_client
from tests.fixtures.swift_server import Swift

SERVERS = ["seaweedfs", "seaweedfs_conditional", "swift", "emulator"]


@pytest.fixture(scope="module", params=["memory", *SERVERS])
def subject(request: pytest.FixtureRequest) -> Subject:
    name: str = request.param
    if name == "memory":
        fake = MemoryStore()
        return Subject(fake, fake.alter_next_body, is_atomic=True)
    client = _client(name, request)
    conditional = name in ("seaweedfs_conditional", "emulator")
    store = S3Store(client, BUCKET, conditional_writes=conditional, page_size=PAGE_SIZE)
    return Subject(store, body_alterer(client), is_atomic=conditional)


@pytest.fixture(scope="module", params=["seaweedfs", "swift", "emulator"])
def refused(request: pytest.FixtureRequest) -> Refused:
    name: str = request.param
    wrong, stranger = _refused_clients(name, request)
    conditional = name == "emulator"
    return Refused(
        S3Store(_client(name, request), "no-such-bucket", conditional_writes=conditional),
        S3Store(wrong, BUCKET, conditional_writes=conditional),
        S3Store(stranger, BUCKET, conditional_writes=conditional),
    )


def _client(name: str, request: pytest.FixtureRequest) -> Any:
    if name == "swift":
        return swift_client(request.getfixturevalue("swift_server"))
    if name == "emulator":
        return emulator_client(request.getfixturevalue("emulator_server"), ADMIN_KEY, ADMIN_KEY)
    server: SeaweedFS = request.getfixturevalue("seaweedfs_server")
    return server.client()


def _refused_clients(name: str, request: pytest.FixtureRequest) -> tuple[Any, Any]:
    """Return a client with a wrong secret, and one of an identity without rights."""
    if name == "swift":
        swift: Swift = request.getfixturevalue("swift_server")
        return (
            swift_client(swift, secret_access_key=other_secret(swift.secret_access_key)),
            swift_client(swift, access_key_id=swift.stranger_access_key_id),
        )
    if name == "emulator":
        emulator: Emulator = request.getfixturevalue("emulator_server")
        identity = emulator.client("iam")
        identity.create_user(UserName="stranger")
        pair = identity.create_access_key(UserName="stranger")["AccessKey"]
        return (
            emulator_client(emulator, pair["AccessKeyId"], other_secret(pair["SecretAccessKey"])),
            emulator_client(emulator, pair["AccessKeyId"], pair["SecretAccessKey"]),
        )
    seaweedfs: SeaweedFS = request.getfixturevalue("seaweedfs_server")
    admin = seaweedfs.credentials()
    wrong = profiles.client(
        Provider.PORTABLE,
        endpoint=seaweedfs.endpoint,
        region=None,
        access_key_id=admin.access_key_id,
        secret_access_key=other_secret(admin.secret_access_key),
    )
    return wrong, seaweedfs.client("stranger")


class TestSmallObjects(SmallObjects):
    """Run on every store."""


class TestUploads(Uploads):
    """Run on every store."""


class TestRefusals(Refusals):
    """Run on every server."""
