"""Ask web processes for pages as a browser does: kept connection, cookie, whole answer read."""

import http.client
import time
from collections.abc import Mapping


class Browser:
    """One person's connection to one web process."""

    def __init__(self, port: int, cookie: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._headers: Mapping[str, str] = {"Cookie": cookie, "Accept": "text/html"}

    def ask(self, url: str) -> tuple[int, float]:
        """(status, milliseconds until all of the answer was here)."""
        try:
            return self._ask(url)
        except http.client.RemoteDisconnected:  # it was idle for too long: a browser comes again
            self._connection.close()
            return self._ask(url)

    def _ask(self, url: str) -> tuple[int, float]:
        started = time.perf_counter()
        self._connection.request("GET", url, headers=dict(self._headers))
        response = self._connection.getresponse()
        response.read()
        return response.status, 1000 * (time.perf_counter() - started)

    def close(self) -> None:
        self._connection.close()
