"""The local S3 server keeps to its rights, its disk, and itself."""

import os
import signal
import stat
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleetsave.local.seaweedfs import SeaweedFS
from fleetsave.model.errors import AccessDeniedError
from fleetsave.store.s3 import S3Store


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeaweedFS]:
    state = tmp_path_factory.mktemp("seaweedfs")
    with SeaweedFS(state, identities={"reader": ["Read:backups", "List:backups"]}) as running:
        running.create_bucket("backups")
        yield running


def test_a_created_bucket_keeps_versions(server: SeaweedFS) -> None:
    server.create_bucket("backups")
    assert server.client().get_bucket_versioning(Bucket="backups")["Status"] == "Enabled"


def test_an_identity_can_do_no_more_than_its_actions(server: SeaweedFS) -> None:
    S3Store(server.client(), "backups", conditional_writes=True).put("mine", b"content")
    reader = S3Store(server.client("reader"), "backups", conditional_writes=True)
    assert reader.get("mine") == b"content"
    with pytest.raises(AccessDeniedError):
        reader.put("other", b"content")
    with pytest.raises(AccessDeniedError):
        reader.delete("mine")


def test_credentials_are_random_and_private(server: SeaweedFS, tmp_path: Path) -> None:
    state = Path(str(tmp_path.parent)).parent
    files = [path for path in state.rglob("identities.json") if server.credentials().access_key_id in path.read_text()]
    assert len(files) == 1
    assert {stat.S_IMODE(path.stat().st_mode) for path in (files[0], files[0].parent / "security.toml")} == {0o600}
    assert server.credentials() != server.credentials("reader")


def test_objects_keys_and_address_survive_a_kill(tmp_path: Path) -> None:
    server = SeaweedFS(tmp_path)
    with server:
        server.create_bucket("backups")
        endpoint, credentials = server.endpoint, server.credentials()
        S3Store(server.client(), "backups", conditional_writes=True).put("kept", b"content")
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        server.stop()
        server.start()
        assert (server.endpoint, server.credentials()) == (endpoint, credentials)
        assert S3Store(server.client(), "backups", conditional_writes=True).get("kept") == b"content"


def test_the_address_stays_with_the_state(tmp_path: Path) -> None:
    with SeaweedFS(tmp_path) as first:
        endpoint = first.endpoint
    with SeaweedFS(tmp_path) as second:
        assert second.endpoint == endpoint


def test_the_inner_doors_are_shut(server: SeaweedFS) -> None:
    filer = f"http://127.0.0.1:{server.port('filer')}/buckets/"
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(filer)
    assert refused.value.code == 401
