"""What the bucket refuses whoever asks, administrators included: to delete, to replace, to be reached without TLS."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.packaging.deployments import OWN, Deployment
from tests.packaging.policy import Request, denied

PRUNE = "arn:<AWS::Partition>:sts::<AWS::AccountId>:assumed-role/<PruneRole>/prune"
BACKUP = "servers/server_001/database/server_001_20240101_120000_database.db.zst"
DUMP = "central/postgresql/postgresql_20240101_120000.sql.zst"
RECORD = f"catalog/{BACKUP}/stored.json"
RECOVERY = "recoveries/server_001.000001/001-requested.json"
KEPT = (BACKUP, DUMP, RECORD, RECOVERY)
WRITTEN_AGAIN = (
    "config/fleet.yaml",
    "state/server_001/database/database.json",
    "state/watchdog.json",
    "servers/server_001/full/server_001_20240101_000000_full.manifest.jsonl.zst",
    "central/postgresql/postgresql_20240101_120000_globals.sql",
    "central/postgresql/postgresql_20240101_120000_shop_globals.sql",
)
PUT = {"s3:objectcreationoperation": "true"}
ASKING = {**PUT, "s3:if-none-match": "*"}
PART = {"s3:objectcreationoperation": "false"}


def policy_of(deployment: Deployment) -> Any:
    (policy,) = deployment.of_type("AWS::S3::BucketPolicy").values()
    return policy["PolicyDocument"]


def refused(action: str, key: str, context: Mapping[str, str] = {}, *, deployment: Deployment = OWN) -> set[str]:
    secure = {"aws:securetransport": "true", "aws:principalarn": "arn:aws:iam::1:user/administrator", **context}
    return denied(policy_of(deployment), Request(action, f"<Bucket.Arn>/{key}", secure))


# ---- written once --------------------------------------------------------------------------------------------------------------


def test_the_statement_of_write_once_is_the_one_that_amazon_documents() -> None:
    (statement,) = [one for one in policy_of(OWN)["Statement"] if one["Sid"] == "WriteOnce"]
    assert statement == {
        "Sid": "WriteOnce",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "NotResource": [
            "<Bucket.Arn>/config/*",
            "<Bucket.Arn>/state/*",
            "<Bucket.Arn>/servers/*.manifest.jsonl.zst",
            "<Bucket.Arn>/central/*_globals.sql",
        ],
        "Condition": {"Bool": {"s3:ObjectCreationOperation": "true"}, "Null": {"s3:if-none-match": "true"}},
    }


@pytest.mark.parametrize("key", [*KEPT, "anything/else"])
def test_a_write_that_might_replace_something_is_refused_and_one_that_asks_is_not(key: str) -> None:
    assert refused("s3:PutObject", key, PUT) == {"WriteOnce"}
    assert refused("s3:PutObject", key, ASKING) == set()


@pytest.mark.parametrize("key", KEPT)
def test_beginning_an_upload_and_its_parts_cannot_ask_and_are_not_refused(key: str) -> None:
    assert refused("s3:PutObject", key, PART) == set()


@pytest.mark.parametrize("key", WRITTEN_AGAIN)
def test_what_is_written_again_in_the_course_of_things_may_be(key: str) -> None:
    assert refused("s3:PutObject", key, PUT) == set()


@pytest.mark.parametrize("key", KEPT)
def test_write_once_can_be_left_off(key: str) -> None:
    assert refused("s3:PutObject", key, PUT, deployment=Deployment({"WriteOnce": "false"})) == set()


# ---- deleted by prune alone ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["s3:DeleteObject", "s3:DeleteObjectVersion"])
@pytest.mark.parametrize("key", [*KEPT, *WRITTEN_AGAIN])
def test_nobody_but_prune_deletes(action: str, key: str) -> None:
    assert "OnlyPruneDeletes" in refused(action, key)
    assert "OnlyPruneDeletes" not in refused(action, key, {"aws:principalarn": "PruneRole.Arn"})
    assert "OnlyPruneDeletes" not in refused(action, key, {"aws:principalarn": PRUNE})


def test_nobody_at_all_deletes_records() -> None:
    for deployment in (OWN, Deployment({"DeleteOnlyByPrune": "false"})):
        for key in (RECORD, RECOVERY):
            found = refused("s3:DeleteObject", key, {"aws:principalarn": "PruneRole.Arn"}, deployment=deployment)
            assert found == {"RecordsAreForEver"}


def test_an_administrator_may_be_let_delete_backups() -> None:
    assert refused("s3:DeleteObject", BACKUP, deployment=Deployment({"DeleteOnlyByPrune": "false"})) == set()


# ---- TLS -----------------------------------------------------------------------------------------------------------------------


def test_requests_without_tls_are_refused_unless_told_otherwise() -> None:
    plain = {"aws:securetransport": "false"}
    assert refused("s3:GetObject", BACKUP, plain) == {"TlsOnly"}
    assert refused("s3:GetObject", BACKUP, plain, deployment=Deployment({"RequireTls": "false"})) == set()
    assert refused("s3:GetObject", BACKUP) == set()
