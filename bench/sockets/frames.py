"""As much of RFC 6455 as the bench needs, so that its own clients cost next to nothing."""

import base64
import os
import struct

LONG, LONGEST = 126, 127
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


def upgrade(port: int, path: str, cookie: str) -> bytes:
    """A browser's request for a WebSocket."""
    key = base64.b64encode(os.urandom(16)).decode()
    host = f"127.0.0.1:{port}"
    lines = (
        f"GET {path} HTTP/1.1",
        *(f"Host: {host}", f"Origin: http://{host}", f"Cookie: {cookie}"),
        *("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"),
        f"Sec-WebSocket-Key: {key}",
    )
    return "\r\n".join([*lines, "", ""]).encode()


def masked(octets: bytes, kind: int = TEXT) -> bytes:
    """A frame from client to server (up to 64 KiB); the mask is zero, which masks nothing."""
    if len(octets) < LONG:
        head = struct.pack("!BB", 0x80 | kind, 0x80 | len(octets))
    else:
        head = struct.pack("!BBH", 0x80 | kind, 0x80 | LONG, len(octets))
    return head + bytes(4) + octets


def plain(octets: bytes) -> bytes:
    """A text frame from server to client."""
    if len(octets) < LONG:
        return struct.pack("!BB", 0x80 | TEXT, len(octets)) + octets
    if len(octets) < 2**16:
        return struct.pack("!BBH", 0x80 | TEXT, LONG, len(octets)) + octets
    return struct.pack("!BBQ", 0x80 | TEXT, LONGEST, len(octets)) + octets


def take(buffer: bytearray) -> tuple[int, bytes] | None:
    """The first whole frame of the buffer (kind, payload), which is removed; None: not whole yet."""
    if len(buffer) < 2:
        return None
    size, at = buffer[1] & 0x7F, 2
    if size in {LONG, LONGEST}:
        form, at = ("!H", 4) if size == LONG else ("!Q", 10)
        if len(buffer) < at:
            return None
        (size,) = struct.unpack_from(form, buffer, 2)
    if len(buffer) < at + size:
        return None
    kind, payload = buffer[0] & 0x0F, bytes(buffer[at : at + size])
    del buffer[: at + size]
    return kind, payload
