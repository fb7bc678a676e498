"""One address as Healthchecks takes it: called when something is proven, and it raises an alarm when it is not called."""

from urllib.parse import urlsplit, urlunsplit

import urllib3

from fleetsave.notices.sending import within
from fleetsave.notices.words import plain

_CONNECT_SECONDS = 4.0
_LONGEST_TEXT = 1_000


class WebPing:
    """One address, called over HTTPS alone; `name` is what it stands for, and `pool` keeps the connections."""

    def __init__(self, url: str, name: str, pool: urllib3.PoolManager) -> None:
        self._url = url
        self._name = f"ping of {name}"
        self._pool = pool

    def call(self, text: str, seconds: float, *, failed: bool = False) -> None:
        """POST a text, with `failed` to the address with `/fail` behind it. Raise ChannelError unless it is answered with 2xx."""
        within(seconds, "send", self._name, lambda: self._post(text, seconds, failed=failed))

    def _post(self, text: str, seconds: float, *, failed: bool) -> str | None:
        # a redirect is not followed: it could lead anywhere, and no such service answers with one
        answer = self._pool.request(
            "POST",
            _failing(self._url) if failed else self._url,
            body=plain(text)[:_LONGEST_TEXT].encode(),
            headers={"Content-Type": "text/plain; charset=utf-8", "User-Agent": "fleetsave"},
            timeout=urllib3.Timeout(connect=min(_CONNECT_SECONDS, seconds), read=seconds),
            redirect=False,
            retries=False,
        )
        return None if 200 <= answer.status < 300 else f"it was answered with status {answer.status}"


def open_pool(authority: str | None = None) -> urllib3.PoolManager:
    """Return what keeps connections to the services; `authority` is a file of certificates to trust instead of the usual ones."""
    return urllib3.PoolManager(cert_reqs="CERT_REQUIRED", ca_certs=authority)


def _failing(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/fail"))
