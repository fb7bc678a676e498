"""The template reaches the emulator by SAM's own commands, once for each change, and nothing else is reached."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleetsave.local import emulator_launch
from fleetsave.local.deployment import Deployment
from fleetsave.local.emulator import Emulator
from fleetsave.local.processes import free_port
from fleetsave.local.toolbox import ensure

TEMPLATE = """
AWSTemplateFormatVersion: '2010-09-09'
Transform: AWS::Serverless-2016-10-31
Parameters:
  Architecture: {Type: String}
  PythonRuntime: {Type: String}
  RequireTls: {Type: String}
  Delay: {Type: Number, Default: 0}
Resources:
  Queue: {Type: AWS::SQS::Queue, Properties: {DelaySeconds: !Ref Delay}}
Outputs:
  QueueUrl: {Value: !Ref Queue}
"""


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    folder = tmp_path_factory.mktemp("emulator")
    emulator = Emulator(port=free_port(), state=folder, functions_url="http://127.0.0.1:9", log=folder / "log")
    emulator.start()
    yield emulator
    emulator.stop()
    assert not emulator.is_running


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("logs") / "sam.log"


@pytest.fixture(scope="module")
def deployment(emulator: Emulator, log: Path, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    project = tmp_path_factory.mktemp("project")
    (project / "template.yaml").write_text(TEMPLATE)
    return Deployment(emulator, project=project, folder=project / "sam", log=log)


def delay(emulator: Emulator, queue: str) -> str:
    attributes = emulator.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["DelaySeconds"])
    return str(attributes["Attributes"]["DelaySeconds"])


def test_a_stack_is_deployed_when_something_changed_and_only_then(
    emulator: Emulator, deployment: Deployment, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What a person has set for AWS must not lead anywhere.
    (tmp_path / "aws").write_text("[profile production]\nregion = eu-west-1\nendpoint_url = http://127.0.0.1:9\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "aws"))
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    outputs = deployment.deploy("twice", {})
    said = log.read_text()
    assert delay(emulator, outputs["QueueUrl"]) == "0"

    assert deployment.deploy("twice", {}) == outputs
    assert log.read_text() == said

    assert deployment.deploy("twice", {"Delay": "7"}) == outputs
    assert delay(emulator, outputs["QueueUrl"]) == "7"


def test_a_mistake_is_told_in_sams_words_and_can_be_mended(emulator: Emulator, deployment: Deployment) -> None:
    with pytest.raises(RuntimeError, match=r"sam deploy ended with 1 \(log: .*sam.log\)(.|\n)*Invalid value"):
        deployment.deploy("mistaken", {"Delay": "99999"})
    assert delay(emulator, deployment.deploy("mistaken", {"Delay": "3"})["QueueUrl"]) == "3"


def test_every_name_the_launcher_replaces_is_in_the_pinned_version() -> None:
    python = ensure("ministack") / "bin" / "python"
    done = subprocess.run(
        [python, emulator_launch.__file__, "--check"],
        env={"FLEETSAVE_FUNCTION_HOST": "http://127.0.0.1:9"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert [name.rsplit(".", 1)[1] for name in done.stdout.split()] == [
        "_sqs_esm_concurrency",
        "_proxy_url_for",
        "_invoke_target",
        "extract_iam_action",
        "s3_service_context",
        "_SCHEDULE_TICK_INTERVAL",
        "_S3_BUCKET_CONFIGURATIONS",
    ]
