"""The portal as an operator starts it: `script/server` with real processes, on its own var/."""

import contextlib
import http.cookiejar
import os
import re
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.harness.processes import PATH, descendants, free_port

READY_S = 170.0
END_S = 30.0
STALE_AFTER_S = 120  # a demo's value is stale after two of its periods


class Portal:
    """A running `script/server`, with what it printed and a logged-in session of its own."""

    def __init__(
        self,
        checkout: Path,
        *,
        var: Path,
        arguments: Sequence[str] = (),
        bare: bool = False,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """`environment`: variables that this portal has besides a path and where var/ is."""
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.var = var
        self._given = dict(environment or {})
        self.started_at = time.monotonic()
        self._lines: list[str] = []
        command = [str(checkout / "script" / "server"), "--port", str(self.port), *arguments]
        self._process = subprocess.Popen(
            command,
            cwd=checkout,
            env=self.environment(bare=bare),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """The supervisor's."""
        return self._process.pid

    def family(self) -> dict[int, str]:
        """All processes under the supervisor: pid to command line."""
        return descendants(self.pid)

    def kill(self) -> int:
        """SIGKILL to the supervisor; returns the code it ended with."""
        os.kill(self.pid, signal.SIGKILL)
        return self._process.wait(END_S)

    @property
    def output(self) -> str:
        return "".join(self._lines)

    @property
    def password(self) -> str:
        """The first administrator's, printed once."""
        found = re.search(r"^\s*password\s+(\S+)", self.output, re.MULTILINE)
        assert found, self.output
        return found[1]

    def wait_until_ready(self) -> float:
        """Seconds from the start to the line with the URL."""
        while f"{self.url}/" not in self.output:
            assert self._process.poll() is None, self.output
            assert time.monotonic() - self.started_at < READY_S, self.output
            time.sleep(0.05)
        return time.monotonic() - self.started_at

    def log_in(self, password: str) -> urllib.request.OpenerDirector:
        """A session of the first administrator."""
        jar = http.cookiejar.CookieJar()
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
        page = self._page(opener, "/account/login/")
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert token, page
        form = {"login": "admin", "password": password, "csrfmiddlewaretoken": token[1]}
        posted = urllib.request.Request(  # noqa: S310 - our own portal's URL
            f"{self.url}/account/login/?next=/admin/",
            data=urllib.parse.urlencode(form).encode(),
            headers={"Origin": self.url, "Referer": f"{self.url}/account/login/"},
        )
        with opener.open(posted, timeout=10) as answer:
            assert answer.url == f"{self.url}/admin/", answer.url
        return opener

    def wait_for_first_number(self, password: str, *, within_s: float) -> float:
        """Seconds from the start until the overview shows a rate collected since the start."""
        opener = self.log_in(password)
        began = time.time() - (time.monotonic() - self.started_at)
        while True:
            page = self._page(opener, "/admin/")
            spot = re.search(r'data-live="traffic"[^>]*>(.*?)</section>', page, re.DOTALL)
            assert spot, page[:2000]
            stale_ms = re.search(r'data-stale-after="(\d+)"', spot[1])
            number = re.search(r"<b[^>]*>[\d.,]+</b>", spot[1])
            if number and stale_ms and int(stale_ms[1]) / 1000 - STALE_AFTER_S > began:
                return time.monotonic() - self.started_at
            assert time.monotonic() - self.started_at < within_s, f"{spot[1]}\n{self.output}"
            time.sleep(0.2)

    def stop(self) -> int:
        """Ctrl-C, as in a terminal; returns the exit code."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGINT)
        try:
            code = self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            code = self._process.wait(END_S)
        self._reader.join(END_S)
        assert self._process.stdout is not None
        self._process.stdout.close()
        return code

    def _page(self, opener: urllib.request.OpenerDirector, path: str) -> str:
        with opener.open(f"{self.url}{path}", timeout=10) as answer:
            return str(answer.read().decode())

    def _read(self) -> None:
        assert self._process.stdout is not None
        self._lines.extend(iter(self._process.stdout.readline, ""))

    def environment(self, *, bare: bool = False) -> dict[str, str]:
        """As `env -i` would give it: a path, where var/ is, and what was given on purpose."""
        given = {"PATH": os.environ["PATH"] if not bare else PATH}
        kept = ("PIP_INDEX_URL", "PIP_CERT", "PIP_FIND_LINKS", "PIP_CONFIG_FILE")
        return (
            given
            | {n: os.environ[n] for n in kept if n in os.environ}
            | {"ISPCORE_VAR": str(self.var)}
            | self._given
        )


@contextlib.contextmanager
def running_portal(
    checkout: Path,
    *,
    var: Path,
    arguments: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> Iterator[Portal]:
    """Started and ready; ended by Ctrl-C."""
    portal = Portal(checkout, var=var, arguments=arguments, environment=environment)
    try:
        portal.wait_until_ready()
        yield portal
    finally:
        portal.stop()
