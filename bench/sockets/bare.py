"""The least that could do it: python -m bench.sockets.bare PORT DATABASE_URL OCTETS.

It listens to the same notifications and writes a frame of the same size to every socket, with
nothing rendered, nobody asked who they are, and no reader waited for.
"""

import asyncio
import base64
import hashlib
import json
import sys

import psycopg

from bench.sockets import frames

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455


async def main(port: int, url: str, octets: int) -> None:
    writers: set[asyncio.StreamWriter] = set()
    value = "1"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return  # only looked whether we listen
        key = request.partition(b"Sec-WebSocket-Key: ")[2].partition(b"\r\n")[0]
        accept = base64.b64encode(hashlib.sha1(key + GUID, usedforsecurity=False).digest())
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n" + _frame(value, octets)
        )
        writers.add(writer)
        while await reader.read(4096):
            pass
        writers.discard(writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", port, backlog=1000)
    async with server, await psycopg.AsyncConnection.connect(url, autocommit=True) as listening:
        await listening.execute("LISTEN bare")
        async for notice in listening.notifies():
            value = notice.payload
            frame = _frame(value, octets)
            for writer in writers:
                writer.write(frame)


def _frame(value: str, octets: int) -> bytes:
    html = f'<p data-stale-after="{value}">'
    spots = {"current": html + "x" * max(octets - len(html), 0)}
    frame = {"topic": "reseller", "key": "bare", "spots": spots}
    return frames.plain(json.dumps({"at": "", "frames": [frame]}, separators=(",", ":")).encode())


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
