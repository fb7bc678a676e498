import json

import pytest

from fleetsave.model.errors import ConfigurationError
from fleetsave.notices.addresses import parse_addresses

CANARY = "canary0token"
PING = f"https://hc-ping.example/{CANARY}"


def test_the_secret_holds_channels_and_pings() -> None:
    content = {"notices": [f"ntfy://{CANARY}"], "pings": {"fleet": PING, "server_001/database/database": PING}}
    addresses = parse_addresses(json.dumps(content))
    assert (addresses.notices, addresses.pings) == (content["notices"], content["pings"])


@pytest.mark.parametrize("text", ["{}", '{"notices": []}', '{"pings": {}}'])
def test_both_may_be_left_out(text: str) -> None:
    assert parse_addresses(text).notices == []


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (f"ntfy://{CANARY}", "it is not JSON"),
        (f'{{"notices": [], "notices": ["ntfy://{CANARY}"]}}', "it holds a key twice"),
        (f'{{"pings": {{"fleet": "{PING}", "fleet": "{PING}"}}}}', "it holds a key twice"),
        ("[" * 30_000, "nested too deep"),
        (json.dumps([f"ntfy://{CANARY}"]), "it: Input should be a valid dictionary"),
        (json.dumps({"notices": f"ntfy://{CANARY}"}), "notices: Input should be a valid list"),
        (json.dumps({"notices": ["ntfy://x", CANARY]}), "notices[1]: is no address of the form kind://..."),
        (json.dumps({"notices": [7]}), "notices[0]: Input should be a valid string"),
        (json.dumps({"notices": [f"json://x/ {CANARY}"]}), "notices[0]: is no address of the form kind://..."),
        (json.dumps({"notices": ["json://x"] * 11}), "notices: List should have at most 10 items after validation, not 11"),
        (json.dumps({"pings": {"fleet": f"http://x/{CANARY}"}}), "pings[...]: is no https:// address"),
        (json.dumps({"pings": {PING: "fleet"}}), "pings[...]: is neither fleet nor server/kind/artifact"),
        (json.dumps({f"x{CANARY}": []}), "it holds a key that is neither notices nor pings"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_of_it_repeated(content: str, cause: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        parse_addresses(content)
    assert cause in refused.value.cause
    assert CANARY not in str(refused.value)
    assert refused.value.__cause__ is None


def test_everything_wrong_is_named_at_once() -> None:
    with pytest.raises(ConfigurationError) as refused:
        parse_addresses('{"notices": [1], "pings": {"fleet": "x"}, "more": 1}')
    assert refused.value.cause.count(";") == 2
