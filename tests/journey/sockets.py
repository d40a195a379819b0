"""An open page of a portal: a WebSocket that keeps what it was sent."""

import json
import threading
from contextlib import suppress

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.journey.portal import Portal

OPEN_WITHIN_S = 15.0


class OpenPage:
    """Subscribed to one topic; reads until the portal or the test ends."""

    def __init__(self, portal: Portal, session: str, topic: str, key: str) -> None:
        self._heard: list[str] = []
        self._socket: ClientConnection | None = None
        self._answered = threading.Event()
        self._reader = threading.Thread(
            target=self._read, args=(portal.url, session, [topic, key]), daemon=True
        )
        self._reader.start()
        assert self._answered.wait(OPEN_WITHIN_S), "the page was sent nothing"

    def has_heard(self, words: str, *, before: str) -> bool:
        """Whether it was sent a state with `words` that had not got to `before` yet."""
        return any(words in message and before not in message for message in self._heard)

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._reader.join(OPEN_WITHIN_S)

    def _read(self, url: str, session: str, watched: list[str]) -> None:
        with (
            connect(
                f"{url.replace('http', 'ws')}/live/",
                origin=url,  # type: ignore[arg-type] # a NewType of str
                additional_headers={"Cookie": f"sessionid={session}"},
                max_size=None,
            ) as self._socket,
            suppress(ConnectionClosed),
        ):
            self._socket.send(json.dumps({"subscribe": [watched]}))
            for message in self._socket:
                self._heard.append(str(message))
                self._answered.set()
