"""The real web process against requests that are too large or no requests at all."""

import http.client
import socket
from collections.abc import Iterator
from contextlib import suppress

from tests.live.test_server import port  # noqa: F401 - a fixture, found by its name

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
MIB = 2**20
HOST = b"Host: localhost\r\n"
NO_REQUESTS = (
    *(b"\0" * 5000, b"GET " + b"/" * 100_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n"),
    b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 5000 + b"\r\n",
    b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG",
    b"GET /admin/login/?next=%0d%0aSet-Cookie:%20a=b HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET /admin/ HTTP/1.1\r\nHost: elsewhere.example\r\n\r\n",
)


def _chunks(mib: int) -> Iterator[bytes]:
    for _ in range(mib):
        yield b"x" * MIB


def test_a_body_without_end_is_refused_and_not_kept(port: int) -> None:  # noqa: F811
    for declared in (True, False):
        asked = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        headers = FORM | ({"Content-Length": str(60 * MIB)} if declared else {})
        with suppress(BrokenPipeError, ConnectionResetError):  # it hangs up before we have done
            asked.request(
                "POST", "/admin/login/", _chunks(60), headers, encode_chunked=not declared
            )
        with suppress(ConnectionResetError):
            assert asked.getresponse().status == 413
        asked.close()
    assert _status(port, "POST", "/admin/login/", b"a=" + b"x" * (4 * MIB)) == 403  # no token
    assert _status(port, "GET", "/health/") == 200


def test_what_is_no_request_harms_nobody(port: int) -> None:  # noqa: F811
    for raw in NO_REQUESTS:
        answer = b""
        with socket.create_connection(("127.0.0.1", port), timeout=3) as sock, suppress(OSError):
            sock.sendall(raw)
            answer = sock.recv(65_536)
        assert b"Traceback" not in answer
        assert b"Set-Cookie: a=b" not in answer
        assert _status(port, "GET", "/health/") == 200


def _status(at: int, method: str, path: str, body: bytes | None = None) -> int:
    asked = http.client.HTTPConnection("127.0.0.1", at, timeout=20)
    asked.request(method, path, body, FORM)
    status = asked.getresponse().status
    asked.close()
    return status
