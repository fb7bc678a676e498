"""From the notice secret and the topic to channels and pings."""

from collections.abc import Callable
from typing import Any

from fleetsave.model.errors import ConfigurationError
from fleetsave.notices.addresses import NoticeAddresses, parse_addresses
from fleetsave.notices.apprise_channel import AppriseChannel
from fleetsave.notices.ports import Channel, NoticePorts
from fleetsave.notices.topic_channel import TopicChannel
from fleetsave.notices.web_ping import WebPing, open_pool
from fleetsave.store.base import ObjectStore


def open_ports(
    store: ObjectStore,
    read_secret: Callable[[], str] | None,
    sns_client: Any,
    topic_arn: str | None,
    *,
    authority: str | None = None,
) -> NoticePorts:
    """Return the ports for one look.

    `read_secret` returns the text of the notice secret, or raises ConfigurationError; None if none is set. `topic_arn` is that of
    the SNS topic, None or empty for none. A secret that cannot be read or is wrong raises nothing: it becomes `refused`, which
    `tell` counts as a failure, and the topic is told all the same. `authority` is a file of certificates that pings trust in
    place of the usual ones. No connection is made.
    """
    addresses, refused = NoticeAddresses(), None
    try:
        addresses = parse_addresses(read_secret()) if read_secret else addresses
    except ConfigurationError as error:
        refused = error
    channels: list[Channel] = [TopicChannel(sns_client, topic_arn)] if topic_arn else []
    channels += [AppriseChannel(url, position) for position, url in enumerate(addresses.notices, 1)]
    pool = open_pool(authority)
    pings = {name: WebPing(url, name, pool) for name, url in addresses.pings.items()}
    return NoticePorts(store, channels, pings, refused)
