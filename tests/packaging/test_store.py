"""The store a deployment uses: a bucket that keeps what it is given, or one that is somewhere else."""

from typing import Any

import pytest

from tests.packaging.deployments import EXTERNAL, OWN, Deployment


def bucket(deployment: Deployment) -> Any:
    return deployment.of_type("AWS::S3::Bucket")["Bucket"]


def test_the_bucket_survives_its_stack() -> None:
    resource = OWN.resources["Bucket"]
    assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("Retain", "Retain")


def test_the_bucket_keeps_versions_locks_them_and_is_closed_to_the_public() -> None:
    properties = bucket(OWN)
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    assert properties["ObjectLockEnabled"] is True
    assert properties["ObjectLockConfiguration"] == {
        "ObjectLockEnabled": "Enabled",
        "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": "7"}},
    }
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    assert properties["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    assert "BucketEncryption" in properties


def test_locks_end_no_later_than_the_retention() -> None:
    assert int(OWN.value("ObjectLockDays")) <= int(OWN.value("RetentionDays"))


def test_without_lock_days_versions_are_kept_but_not_locked() -> None:
    assert bucket(Deployment({"ObjectLockDays": "0"}))["ObjectLockConfiguration"] == {"ObjectLockEnabled": "Enabled"}


def test_the_bucket_tells_of_new_objects() -> None:
    assert bucket(OWN)["NotificationConfiguration"] == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}


def test_unfinished_uploads_and_old_versions_go_by_themselves_and_nothing_else_does() -> None:
    rules = bucket(OWN)["LifecycleConfiguration"]["Rules"]
    actions = [{name: value for name, value in rule.items() if name not in {"Id", "Status"}} for rule in rules]
    assert actions == [
        {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2}},
        {"NoncurrentVersionExpiration": {"NoncurrentDays": 7}},
    ]


def test_with_an_external_store_there_is_no_bucket() -> None:
    assert not EXTERNAL.of_type("AWS::S3::Bucket")
    assert not EXTERNAL.of_type("AWS::S3::BucketPolicy")


@pytest.mark.parametrize("deployment", [OWN, EXTERNAL], ids=["own-bucket", "external-store"])
def test_whole_descriptions_of_a_store_are_taken(deployment: Deployment) -> None:
    assert deployment.broken_rules == []


@pytest.mark.parametrize("missing", ["StoreBucket", "StoreSecret", "EventSource"])
def test_half_a_description_of_a_store_is_refused(missing: str) -> None:
    half = Deployment({name: value for name, value in EXTERNAL.parameters.items() if name != missing})
    assert len(half.broken_rules) == 1
    assert missing in half.broken_rules[0]


def test_settings_of_a_store_without_its_address_are_refused() -> None:
    stray = Deployment({name: value for name, value in EXTERNAL.parameters.items() if name != "StoreEndpoint"})
    assert len(stray.broken_rules) == 4


@pytest.mark.parametrize("write_once", ["true", "false"])
def test_a_store_that_is_not_asked_whether_something_is_there_cannot_be_written_once(write_once: str) -> None:
    portable = Deployment({"StoreProvider": "portable", "WriteOnce": write_once})
    assert [broken.split(",")[0] for broken in portable.broken_rules] == ["WriteOnce needs StoreProvider aws"] * (
        write_once == "true"
    )
