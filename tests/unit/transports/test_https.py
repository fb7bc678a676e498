"""An agent is believed only behind a good certificate, and only what an agent says; each refusal says what to do."""

import socket
import ssl
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fleetsave.local.certificates import write_certificates
from fleetsave.model.errors import AuthenticationError, ConfigurationError, RemoteFileError, StalledError, TransportError
from fleetsave.model.fleet_parts import Https
from fleetsave.transports.https import Answer, HttpsConnection
from tests.fixtures.scripted_agent import TOKEN, Act, ScriptedAgent, http, says

REPLY = b'{"fleetsave": 1, "ok": 7}\n'
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def ask(agent: ScriptedAgent, connection: HttpsConnection | None = None, *, within: float = 5) -> object:
    with (connection or agent.connection()).request("GET", "/backup/", within=within) as answer:
        return answer.read_reply(within=within)


def refusal(tmp_path: Path, act: Act, kind: type[TransportError] = TransportError, *, within: float = 5) -> TransportError:
    with ScriptedAgent(tmp_path / "agent", act) as agent, pytest.raises(kind) as refused:
        ask(agent, within=within)
    assert TOKEN not in f"{refused.value!r} {refused.value.as_dict()}"
    assert refused.value.hint
    return refused.value


def test_a_reply_is_read_and_the_token_goes_along(tmp_path: Path) -> None:
    heads: list[bytes] = []

    def act(head: bytes, tls: ssl.SSLSocket) -> None:
        heads.append(head)
        tls.sendall(http("200 OK", REPLY))

    with ScriptedAgent(tmp_path / "agent", act) as agent:
        assert ask(agent) == {"fleetsave": 1, "ok": 7}
    assert f"\r\nAuthorization: Bearer {TOKEN}\r\n".encode() in heads[0]


def test_lines_that_only_say_that_it_is_at_work_are_passed_over(tmp_path: Path) -> None:
    with ScriptedAgent(
        tmp_path / "agent", says(CHUNKED, b"1\r\n\n\r\n", b"1\r\n\n\r\n", b"1a\r\n" + REPLY + b"\r\n0\r\n\r\n")
    ) as agent:
        assert ask(agent) == {"fleetsave": 1, "ok": 7}


@pytest.mark.parametrize(
    ("certificates", "words"),
    [
        ({"valid": timedelta(minutes=-30)}, "has expired"),
        ({"name": "elsewhere.example"}, "is for another name"),
    ],
)
def test_a_certificate_that_is_not_good_is_named_and_nothing_is_sent(
    tmp_path: Path, certificates: dict[str, timedelta | str], words: str
) -> None:
    with ScriptedAgent(tmp_path / "agent", says(http("200 OK", REPLY)), **certificates) as agent:  # type: ignore[arg-type]  # certificates are paths
        with pytest.raises(TransportError, match=words) as refused:
            ask(agent)
        assert agent.requests == []
    assert not refused.value.retryable


def test_another_authority_is_not_believed(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other, *_ = write_certificates(tmp_path / "other")
    with ScriptedAgent(tmp_path / "agent", says(http("200 OK", REPLY))) as agent:
        by_the_system = agent.https().model_copy(update={"ca_certificate": None})
        for connection in (agent.connection(authority=other.read_text()), HttpsConnection(by_the_system, TOKEN)):
            with pytest.raises(TransportError, match="an authority that is not known here") as refused:
                ask(agent, connection)
            assert not refused.value.retryable
        assert agent.requests == []


def test_a_server_that_speaks_old_tls_alone_is_refused(tmp_path: Path) -> None:
    with ScriptedAgent(tmp_path / "agent", says(http("200 OK", REPLY))) as agent:
        agent.speak_old_tls()
        with pytest.raises(TransportError):
            ask(agent)
        assert agent.requests == []


def test_an_authority_that_is_no_certificate_is_a_wrong_setting() -> None:
    https = Https(url="https://127.0.0.1", token_secret="agent-token", ca_certificate="-----BEGIN NONSENSE-----")
    with pytest.raises(ConfigurationError, match="ca_certificate"):
        HttpsConnection(https, TOKEN)


@pytest.mark.parametrize("token", ["", "short", f"{TOKEN}\r\nX-Other: 1", f"two {TOKEN}", "ü" * 30])
def test_what_cannot_be_a_token_is_a_wrong_secret_and_is_not_shown(token: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        HttpsConnection(Https(url="https://127.0.0.1", token_secret="agent-token"), token)
    assert not token or token not in str(refused.value)


def test_nobody_listening_is_named_and_may_pass() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with (
        pytest.raises(TransportError, match=r"connect to 127\.0\.0\.1") as refused,
        HttpsConnection(Https(url=f"https://127.0.0.1:{port}", token_secret="agent-token"), TOKEN).request("GET", "/backup/"),
    ):
        pass
    assert refused.value.retryable


@pytest.mark.parametrize(
    ("status", "kind", "retryable", "words"),
    [
        ("401 Unauthorized", AuthenticationError, False, "does not know the token"),
        ("403 Forbidden", AuthenticationError, False, "refuses that to this token"),
        ("404 Not Found", RemoteFileError, False, "serves no such thing"),
        ("429 Too Many Requests", TransportError, True, "come again after 7 seconds"),
        ("503 Service Unavailable", TransportError, True, "come again after 7 seconds"),
        ("500 Oops", TransportError, True, "status 500"),
        ("204 No Content", TransportError, False, "status 204"),
        ("301 Moved Permanently", TransportError, False, "a redirect, and none is followed"),
        ("307 Temporary Redirect", TransportError, False, "a redirect, and none is followed"),
    ],
)
def test_each_status_has_its_error(
    tmp_path: Path, status: str, kind: type[TransportError], retryable: bool, words: str
) -> None:  # fmt: skip
    refused = refusal(tmp_path, says(http(status, Location="https://127.0.0.1/elsewhere", Retry_After="7")), kind)
    assert (type(refused), refused.retryable) == (kind, retryable)
    assert words in refused.cause


def test_a_redirect_is_not_followed(tmp_path: Path) -> None:
    with ScriptedAgent(tmp_path / "agent", says(http("302 Found", Location="/other"))) as agent:
        with pytest.raises(TransportError):
            ask(agent)
        assert agent.requests == ["GET /backup/ HTTP/1.1"]


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n" + REPLY,
        http("200 OK", b""),
        http("200 OK", b"<html>welcome</html>"),
        http("200 OK", b"[" * 100_000),
        http("200 OK", b'{"fleetsave": 2, "ok": 1}'),
        http("200 OK", b"[1]"),
        http("200 OK", REPLY[:-9], Content_Length="4000"),
        CHUNKED,
        CHUNKED + b"zz\r\n",
        CHUNKED + b"1a\r\n" + REPLY[:5],
    ],
    ids=lambda answer: repr(answer[:60]),
)
def test_what_no_agent_says_is_refused(tmp_path: Path, answer: bytes) -> None:
    refusal(tmp_path, says(answer))


def test_an_answer_without_an_end_is_given_up(tmp_path: Path) -> None:
    def act(_head: bytes, tls: ssl.SSLSocket) -> None:
        tls.sendall(CHUNKED)
        while True:
            tls.sendall(b"100000\r\n" + b"x" * 0x100000 + b"\r\n")

    assert "more than" in refusal(tmp_path, act).cause


def silent(_head: bytes, tls: ssl.SSLSocket) -> None:
    tls.recv(1)


def dribble(before: bytes) -> Act:
    def act(_head: bytes, tls: ssl.SSLSocket) -> None:
        tls.sendall(before)
        while True:
            tls.sendall(b"a")
            time.sleep(0.05)

    return act


@pytest.mark.parametrize(
    "act",
    [silent, dribble(b""), dribble(b"HTTP/1.1 200 OK\r\nX: "), dribble(http("200 OK", Content_Length="99999"))],
    ids=["silent", "slow from the start", "slow in its head", "slow in its body"],
)
def test_neither_silence_nor_a_byte_now_and_then_is_waited_for(tmp_path: Path, act: Act) -> None:
    started = time.monotonic()
    assert refusal(tmp_path, act, StalledError, within=1).retryable
    assert time.monotonic() - started < 4


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    answer=st.one_of(
        st.binary(max_size=300),
        st.binary(max_size=100).map(lambda junk: b"HTTP/1.1 200 OK\r\n" + junk),
        st.binary(max_size=100).map(lambda junk: CHUNKED + junk),
        st.binary(max_size=100).map(lambda junk: http("200 OK", junk)),
    )
)
def test_whatever_comes_is_a_reply_or_a_transport_error(scripted: Callable[[bytes], ScriptedAgent], answer: bytes) -> None:
    with pytest.raises(TransportError):
        ask(scripted(answer), within=2)


@pytest.fixture
def scripted(tmp_path: Path) -> object:
    answers = [b""]

    def act(_head: bytes, tls: ssl.SSLSocket) -> None:
        tls.sendall(answers[0])

    with ScriptedAgent(tmp_path / "agent", act) as agent:

        def with_answer(answer: bytes) -> ScriptedAgent:
            answers[0] = answer
            return agent

        yield with_answer


def test_a_sender_that_leaves_while_it_is_sent_to_is_a_transport_error(tmp_path: Path) -> None:
    def act(_head: bytes, tls: ssl.SSLSocket) -> None:
        tls.sendall(CHUNKED)
        tls.recv(65536)

    with ScriptedAgent(tmp_path / "agent", act) as agent:
        answer = agent.connection().open("POST", "/restore/x", body=b"{}\n", more=True)
        with pytest.raises(TransportError):
            send_on(answer)
        answer.close()
        answer.close()


def send_on(answer: Answer) -> None:
    for _ in range(1000):
        answer.send(bytes(1 << 16))
