import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from moto import mock_aws

from fleetsave.model.errors import ChannelError
from fleetsave.notices.notice import Notice, Severity
from fleetsave.notices.topic_channel import TopicChannel

NOTICE = Notice(Severity.CRITICAL, "[CRITICAL] sérver: überall", "1. a problem\n   what: größer")


@pytest.fixture
def client() -> Iterator[Any]:
    with mock_aws():
        yield boto3.client("sns", region_name="eu-central-1")


def test_subscribers_get_subject_and_body(client: Any) -> None:
    topic = client.create_topic(Name="alerts")["TopicArn"]
    sqs = boto3.client("sqs", region_name="eu-central-1")
    queue = sqs.create_queue(QueueName="reader")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    client.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    TopicChannel(client, topic).send(NOTICE, 5)
    message = json.loads(sqs.receive_message(QueueUrl=queue)["Messages"][0]["Body"])
    assert (message["Subject"], message["Message"]) == ("[CRITICAL] s?rver: ?berall", NOTICE.body)


def test_a_topic_that_is_not_there_is_an_error_without_its_name(client: Any) -> None:
    with pytest.raises(ChannelError, match="send notice to topic: SNS answers NotFound") as failed:
        TopicChannel(client, "arn:aws:sns:eu-central-1:123456789012:canary0topic").send(NOTICE, 5)
    assert "canary0topic" not in str(failed.value)
    assert failed.value.retryable


def test_a_service_that_cannot_be_reached_is_an_error() -> None:
    class Unreachable:
        def publish(self, **_: str) -> None:
            raise EndpointConnectionError(endpoint_url="https://canary0host")

    with pytest.raises(ChannelError, match="SNS cannot be asked: EndpointConnectionError") as failed:
        TopicChannel(Unreachable(), "arn").send(NOTICE, 5)
    assert "canary0host" not in str(failed.value)
