"""The RouterOS API against servers that are none, or bad ones."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

import pytest

from ispcore.protocols.errors import Nonsense, Refused, Unreachable
from ispcore.protocols.routeros import (
    RouterOsTarget,
    Session,
    connect,
    identity,
    read_counters,
    read_interfaces,
)

Play = Callable[[socket.socket], None]


@contextmanager
def server(play: Play, *, timeout_s: float = 0.5, tls: bool = False) -> Iterator[RouterOsTarget]:
    """Play `play` to each client of a free loopback port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.1)
        stop = threading.Event()
        thread = threading.Thread(target=_serve, args=(listener, play, stop))
        thread.start()
        try:
            port = listener.getsockname()[1]
            yield RouterOsTarget("127.0.0.1", port, tls, "noc", "s3cret-word", timeout_s=timeout_s)
        finally:
            stop.set()
            thread.join()


def _serve(listener: socket.socket, play: Play, stop: threading.Event) -> None:
    while not stop.is_set():
        with suppress(TimeoutError):
            client, _ = listener.accept()
            with client, suppress(OSError):
                client.settimeout(2.0)
                play(client)


def sentence(*words: bytes) -> bytes:
    return b"".join(bytes([len(word)]) + word for word in words) + b"\0"


DONE = sentence(b"!done")


def asking(target: RouterOsTarget) -> object:
    with connect(target) as session:
        return identity(session)


def says(*answers: bytes) -> Play:
    """One answer per sentence of the client; then it waits for the client to go."""

    def play(client: socket.socket) -> None:
        for answer in answers:
            client.recv(4096)
            client.sendall(answer)
        while client.recv(4096):
            pass

    return play


def test_a_web_server_is_nonsense_at_once() -> None:
    started = time.monotonic()
    with (
        server(says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), timeout_s=60.0) as target,
        pytest.raises(Nonsense, match="not as a RouterOS API"),
    ):
        connect(target)
    assert time.monotonic() - started < 30


def test_an_ssh_server_is_nonsense() -> None:
    def banner(client: socket.socket) -> None:
        client.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
        client.recv(4096)

    with server(banner) as target, pytest.raises(Nonsense):
        connect(target)


def test_a_reserved_control_byte_is_nonsense() -> None:
    with server(says(DONE, b"\xf8!")) as target, pytest.raises(Nonsense, match="does not speak"):
        asking(target)


def test_an_endless_word_is_nonsense_and_not_read() -> None:
    with server(says(DONE, b"\xef\xff\xff\xff")) as target, pytest.raises(Nonsense, match="octets"):
        asking(target)


def test_a_reply_that_is_no_reply_is_nonsense() -> None:
    with server(says(DONE, sentence(b"hello"))) as target, pytest.raises(Nonsense, match="'hello'"):
        asking(target)


def test_silence_after_the_connection_is_unreachable() -> None:
    with (
        server(lambda client: time.sleep(1.0), timeout_s=0.2) as target,
        pytest.raises(Unreachable, match=r"no answer from .* to /login in 0\.2 s"),
    ):
        connect(target)


def test_a_server_that_trickles_for_ever_is_given_up() -> None:
    def trickle(client: socket.socket) -> None:
        client.recv(4096)
        client.sendall(b"\x05!")
        while True:
            client.sendall(b"d")
            time.sleep(0.05)
            client.sendall(b"\x7f" * 3)

    started = time.monotonic()
    with server(trickle, timeout_s=0.1) as target, pytest.raises((Unreachable, Nonsense)):
        connect(target)
    assert time.monotonic() - started < 30


def test_a_word_that_never_ends_is_given_up() -> None:
    def trickle(client: socket.socket) -> None:
        client.recv(4096)
        client.sendall(b"\x7f!")
        for _ in range(60):
            client.sendall(b"x")
            time.sleep(0.05)

    started = time.monotonic()
    with server(trickle, timeout_s=0.1) as target, pytest.raises(Unreachable):
        connect(target)
    assert time.monotonic() - started < 30


def test_a_router_that_hangs_up_before_login_is_refusing_our_address() -> None:
    with (
        server(lambda client: None) as target,
        pytest.raises(Refused, match="address not allowed for the API"),
    ):
        connect(target)


def test_a_router_that_hangs_up_later_is_unreachable() -> None:
    def play(client: socket.socket) -> None:
        client.recv(4096)
        client.sendall(DONE)
        client.recv(4096)

    with server(play) as target, pytest.raises(Unreachable, match="closed the connection"):
        asking(target)


def test_a_fatal_word_at_login_is_refused_with_its_reason() -> None:
    with (
        server(says(sentence(b"!fatal", b"too many sessions"))) as target,
        pytest.raises(Refused, match="login refused: too many sessions"),
    ):
        connect(target)


def test_a_fatal_word_later_closes_the_session() -> None:
    with server(says(DONE, sentence(b"!fatal", b"session terminated"))) as target:
        session = connect(target)
        with pytest.raises(Refused, match="session terminated"):
            identity(session)
        assert session.closed


def test_a_trap_without_words_and_with_odd_ones_is_still_a_refusal() -> None:
    odd = sentence(b"!trap", b"=category=4", b"=strange=x", b".tag=9") + DONE
    with server(says(DONE, odd)) as target, pytest.raises(Refused, match="no reason given"):
        asking(target)


def test_two_traps_are_one_refusal() -> None:
    traps = sentence(b"!trap", b"=message=one") + sentence(b"!trap", b"=message=two") + DONE
    with server(says(DONE, traps)) as target, pytest.raises(Refused, match="one, two"):
        asking(target)


def test_a_challenge_that_is_no_hexadecimal_is_nonsense() -> None:
    with server(says(sentence(b"!done", b"=ret=not-hex"))) as target:
        allowing = replace(target, allow_challenge_login=True)
        with pytest.raises(Nonsense, match="not hexadecimal"):
            connect(allowing)


def test_empty_sentences_empty_replies_and_bare_words_are_ignored() -> None:
    answer = b"\0\0" + sentence(b"!re", b"=name=a=b", b"=empty=", b"loose") + sentence(b"!empty")
    with server(says(b"\0" + DONE, answer + DONE)) as target, connect(target) as session:
        assert session.rows("/x", proplist=["name"]) == [{"name": "a=b", "empty": ""}]


def one_by_one(answer: bytes) -> Play:
    def play(client: socket.socket) -> None:
        client.recv(4096)
        client.sendall(DONE)
        client.recv(4096)
        for at in range(len(answer)):
            client.sendall(answer[at : at + 1])
        client.recv(4096)

    return play


def test_an_answer_in_single_bytes_is_put_together() -> None:
    long = b"=name=" + b"n" * 500
    word = (len(long) | 0x8000).to_bytes(2, "big") + long
    answer = b"\x03!re" + word + b"\0" + DONE
    with server(one_by_one(answer)) as target, connect(target) as session:
        assert session.rows("/x", proplist=["name"]) == [{"name": "n" * 500}]


def test_bytes_that_are_no_text_are_replaced_and_the_rest_is_read() -> None:
    rows = sentence(b"!re", b"=name=caf\xe9") + sentence(b"!re", b"=name=fine") + DONE
    with server(says(DONE, rows)) as target, connect(target) as session:
        found = session.rows("/interface", proplist=["name"])
    assert found == [{"name": "caf\ufffd"}, {"name": "fine"}]


def interfaces(*rows: bytes) -> bytes:
    return b"".join(rows) + DONE


UPTIME = sentence(b"!re", b"=uptime=1w2d03:04:05") + DONE


def test_counters_that_are_missing_or_no_numbers_are_none_and_never_zero() -> None:
    rows = interfaces(
        sentence(b"!re", b"=.id=*1", b"=name=a", b"=rx-byte=x", b"=running=true"),
        sentence(
            b"!re", b"=.id=*2", b"=name=b", b"=disabled=true", b"=tx-byte=18446744073709551615"
        ),
        sentence(b"!re", b"=.id=*3", b"=name=c", b"=rx-byte=-1"),
    )
    with server(says(DONE, UPTIME, rows)) as target, connect(target) as session:
        reading = read_counters(session, ["c", "b", "a"])
    assert [(row.name, row.in_octets, row.out_octets, row.oper_state) for row in reading.rows] == [
        ("c", None, None, "unknown"),
        ("b", None, 2**64 - 1, "down"),
        ("a", None, None, "up"),
    ]
    assert reading.uptime_ticks == 78_864_500


def test_names_that_look_alike_after_replacement_stay_apart() -> None:
    rows = interfaces(
        sentence(b"!re", b"=.id=*A", b"=name=caf\xe8", b"=type=pppoe-in"),
        sentence(b"!re", b"=.id=*B", b"=name=caf\xe9", b"=type=lte"),
        sentence(b"!re", b"=.id=*C", b"=type=bridge", b"=disabled=yes"),
    )
    with server(says(DONE, rows)) as target, connect(target) as session:
        found = read_interfaces(session)
    assert [(one.name, one.if_type, one.admin_state) for one in found] == [
        ("caf\ufffd (index 10)", 23, "up"),
        ("caf\ufffd (index 11)", 1, "up"),
        ("if12", 209, "down"),
    ]


@pytest.mark.parametrize(
    ("read", "answers"),
    [
        (read_interfaces, [sentence(b"!re", b"=name=a") + DONE]),
        (read_interfaces, [sentence(b"!re", b"=.id=*ZZ") + DONE]),
        (lambda session: read_counters(session, []), [DONE]),
        (lambda session: read_counters(session, []), [sentence(b"!re", b"=uptime=soon") + DONE]),
        (identity, [DONE, sentence(b"!re", b"=version=7") + DONE]),
    ],
)
def test_answers_without_what_they_must_hold_are_nonsense(
    read: Callable[[Session], object], answers: list[bytes]
) -> None:
    with (
        server(says(DONE, *answers)) as target,
        connect(target) as session,
        pytest.raises(Nonsense),
    ):
        read(session)


def test_tls_to_a_plain_server_is_nonsense() -> None:
    with (
        server(says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), tls=True) as target,
        pytest.raises(Nonsense, match="no TLS on"),
    ):
        connect(target)


def test_tls_to_a_silent_server_is_unreachable() -> None:
    with (
        server(lambda client: time.sleep(1.0), tls=True, timeout_s=0.2) as target,
        pytest.raises(Unreachable, match="no TLS handshake"),
    ):
        connect(target)


def test_a_router_without_certificate_is_spoken_to_when_nothing_is_pinned() -> None:
    """RouterOS' api-ssl without a certificate: anonymous Diffie-Hellman."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("aNULL:@SECLEVEL=0")

    def anonymous(client: socket.socket) -> None:
        with context.wrap_socket(client, server_side=True) as secured:
            says(DONE)(secured)

    with server(anonymous, tls=True) as target:
        connect(target).close()
        with pytest.raises((Nonsense, Refused)):
            connect(replace(target, tls_fingerprint="ab" * 32))


def test_a_name_that_does_not_resolve_is_unreachable() -> None:
    with pytest.raises(Unreachable, match="no way to"):
        connect(RouterOsTarget("no such name"))


def test_no_error_ever_shows_the_password() -> None:
    plays = [
        says(sentence(b"!trap", b"=message=no") + DONE),
        says(b"HTTP/1.1"),
        lambda client: None,
    ]
    for play in plays:
        with server(play) as target, pytest.raises((Refused, Nonsense)) as caught:
            connect(target)
        assert "s3cret-word" not in str(caught.value)
