"""Every artifact has a safety artifact of its own, whose keys are keys like any other's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetsave.model.keys import ArtifactId, BackupKey
from fleetsave.model.kinds import Compression, Kind
from fleetsave.model.slots import Slot
from tests.unit.model.test_keys import EXAMPLES, artifacts, slots

plain_artifacts = artifacts.filter(lambda one: not one.is_safety)


@given(plain_artifacts, slots, st.sampled_from(Compression))
@EXAMPLES
def test_a_safety_artifact_is_one_of_its_server_and_kind_whose_keys_parse(
    artifact_id: ArtifactId, slot: Slot, compression: Compression
) -> None:
    safety = artifact_id.safety
    assert safety.is_safety
    assert (safety.server_id, safety.kind) == (artifact_id.server_id, artifact_id.kind)
    assert BackupKey.parse(BackupKey(safety, slot, compression).text).artifact_id == safety
    assert ArtifactId.parse(str(safety)) == safety


@given(plain_artifacts, plain_artifacts)
@EXAMPLES
def test_no_two_artifacts_share_a_safety_artifact(one: ArtifactId, other: ArtifactId) -> None:
    assert (one.safety == other.safety) == (one == other)


@pytest.mark.parametrize("length", [55, 56, 57, 62, 63])
def test_names_of_every_length_have_a_safety_name_of_their_own(length: int) -> None:
    one, other = (ArtifactId("server_001", Kind.DATABASE, "n" * (length - 1) + last) for last in "ab")
    assert one.safety != other.safety
    assert len(one.safety.artifact) <= 63
    assert (one.safety.artifact == f"safety-{one.artifact}") == (length <= 56)


@given(plain_artifacts, st.integers(1, 63))
@EXAMPLES
def test_a_globs_files_are_known_by_their_safety_names(artifact_id: ArtifactId, cut: int) -> None:
    glob = artifact_id.artifact[:cut]
    file = ArtifactId(artifact_id.server_id, artifact_id.kind, f"{glob[:61]}-x")
    assert file.safety.is_safety_of_glob(glob[:61])


def test_other_names_are_not_those_of_a_globs_files() -> None:
    for name in ("safety-worlds", "safety-worldsx-a", "worlds-a", "safety-other-a"):
        assert not ArtifactId("server_001", Kind.DATABASE, name).is_safety_of_glob("worlds")
