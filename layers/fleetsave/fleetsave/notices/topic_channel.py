"""Notices through an SNS topic: whoever subscribed to it, by e-mail, text message or a queue."""

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from fleetsave.notices.notice import Notice
from fleetsave.notices.sending import within


class TopicChannel:
    """The topic of the stack's alarms; `client` is boto3's for SNS."""

    name = "topic"

    def __init__(self, client: Any, topic_arn: str) -> None:
        self._client = client
        self._topic_arn = topic_arn

    def send(self, notice: Notice, seconds: float) -> None:
        """Publish a notice. Raise ChannelError if SNS does not take it in time."""
        within(seconds, "send notice to", self.name, lambda: self._publish(notice))

    def _publish(self, notice: Notice) -> str | None:
        # SNS takes a subject of ASCII alone, and refuses the whole message for any other
        subject = notice.subject.encode("ascii", "replace").decode()
        try:
            self._client.publish(TopicArn=self._topic_arn, Subject=subject, Message=notice.body)
        except ClientError as error:
            return f"SNS answers {error.response['Error']['Code']}"
        except BotoCoreError as error:
            return f"SNS cannot be asked: {type(error).__name__}"
        return None
