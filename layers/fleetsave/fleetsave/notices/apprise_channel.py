"""Notices through Apprise: webhooks, ntfy, Slack, Discord, e-mail, and over a hundred other services, by one address each.

Apprise writes to its log what goes wrong, addresses and answers included, and returns only that something did. So its log is
switched off, and an error names the channel by its kind and position.
"""

from functools import cache
from types import ModuleType
from typing import Any

from fleetsave.notices.notice import Notice, Severity
from fleetsave.notices.sending import failure, silence, within

_TYPES = {Severity.CRITICAL: "failure", Severity.WARNING: "warning", Severity.OK: "success", Severity.INFO: "info"}
_CONNECT_SECONDS = 4.0
_READ_SECONDS = 8.0
_SHORT = 1_000
"""Services that take fewer characters a message get the beginning of a notice: in pieces it would be dozens of messages."""


class AppriseChannel:
    """One address of the notice secret; `position` counts from 1 as the addresses stand there."""

    def __init__(self, url: str, position: int) -> None:
        self._url = url
        self._name = f"{url.partition('://')[0].lower()} #{position}"

    @property
    def name(self) -> str:
        """Return the kind of address and its position, e.g. `ntfy #2`."""
        return self._name

    def send(self, notice: Notice, seconds: float) -> None:
        """Deliver a notice. Raise ChannelError if Apprise does not say in time that it was taken."""
        with silence():  # loading takes seconds when it is cold, all of it our own: no deadline may fall into it
            service = _apprise().Apprise.instantiate(self._url, asset=_asset(_apprise()))
        if service is None:
            raise failure("send notice to", self._name, "Apprise knows no such address", retryable=False)
        within(seconds, "send notice to", self._name, lambda: _send(service, notice, seconds))


def _send(service: Any, notice: Notice, seconds: float) -> str | None:
    """Deliver a notice in this thread, and return why it failed, if it did."""
    apprise = _apprise()
    service.socket_connect_timeout = min(_CONNECT_SECONDS, seconds)
    service.socket_read_timeout = min(_READ_SECONDS, seconds)
    service.retry = 0  # what fails is sent again in the next look
    if "overflow_mode" not in vars(service):  # the address does not say what to do with what is too long
        is_short = 0 < service.body_maxlen < _SHORT
        service.overflow_mode = apprise.OverflowMode.TRUNCATE if is_short else apprise.OverflowMode.SPLIT
    sender = apprise.Apprise(asset=service.asset)
    sender.add(service)
    taken = sender.notify(
        title=notice.subject,
        body=notice.body,
        notify_type=_TYPES[notice.severity],
        body_format=apprise.NotifyFormat.TEXT,  # else what looks like markup in a name would be taken for it
    )
    return None if taken else "it was not taken"


def _asset(apprise: ModuleType) -> Any:
    """Return settings by which Apprise sends here and now, keeps nothing on disk, makes no keys, follows no redirect.

    Nor does it have whoever reads a notice load pictures from elsewhere.
    """
    return apprise.AppriseAsset(
        app_id="fleetsave",
        app_desc="fleetsave",
        app_url="",
        image_url_mask="",
        image_url_logo="",
        async_mode=False,
        service_timeout=0,
        storage_mode=apprise.PersistentStoreMode.MEMORY,
        http_redirects=False,
        pgp_autogen=False,
        pem_autogen=False,
    )


@cache
def _apprise() -> ModuleType:
    """Return Apprise, loaded when it is first needed: that takes a second or two, and most looks tell nobody anything."""
    import apprise  # noqa: PLC0415 - it is large, and most looks tell nothing

    return apprise
