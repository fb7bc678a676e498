"""The webhook keeps what is posted to it, in order, as subject and body."""

import json
import urllib.request

from fleetsave.local.webhook import Received, Webhook


def test_what_is_posted_is_kept_in_order() -> None:
    with Webhook() as webhook:
        for number in range(2):
            body = json.dumps({"title": f"subject {number}", "message": "body", "type": "info"}).encode()
            address = webhook.address.replace("json://", "http://")
            with urllib.request.urlopen(urllib.request.Request(address, body)) as answer:  # noqa: S310 - this machine's own
                assert answer.status == 200
        assert webhook.received == (Received("subject 0", "body"), Received("subject 1", "body"))
