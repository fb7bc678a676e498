"""The way to an agent over HTTPS: certificates are verified, answers are bounded, and nothing is believed that is odd."""

from fleetsave.model.fleet_parts import Https


class HttpsConnection:
    """One agent; `token` is the text of the secret that `https.token_secret` names. Connects anew for each request."""

    def __init__(self, https: Https, token: str, *, stall_seconds: float = 20) -> None:
        self._https = https
        self._token = token
        self._stall_seconds = stall_seconds

    def close(self) -> None:
        """Close whatever is open; closing twice is no error."""
