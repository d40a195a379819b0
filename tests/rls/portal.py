"""A real web process that logs in to PostgreSQL as what policies bind, and people who use it."""

import contextlib
import http.cookiejar
import json
import os
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Origin

from tests.harness.databases import PostgreSQL
from tests.harness.processes import PATH, Running, free_port

PROJECT = Path(__file__).resolve().parents[2]
KEYS = {
    "SECRET_KEY": "only-for-tests-" + "0123456789abcdef" * 4,
    "FIELD_ENCRYPTION_KEYS": "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=",
    "EMAIL_URL": "consolemail://",
}
PATIENCE_S = 10.0


class Walled:
    """One database with a login for each kind of process, and the web process on it."""

    def __init__(self, server: PostgreSQL, directory: Path) -> None:
        name = f"walled_{os.getpid()}"
        server.as_superuser(f"CREATE DATABASE {name} OWNER ispcore_owner")
        self.urls = {
            role: f"postgresql://{server.make_login(f'{name}_{role}', role=f'ispcore_{role}')}"
            f"@127.0.0.1:{server.port}/{name}"
            for role in ("owner", "app", "worker")
        }
        self.log = directory / "web.log"
        self._var = directory / "var"
        (self._var / "static").mkdir(parents=True)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def manage(self, role: str, *arguments: str) -> str:
        """What `manage.py ...` prints, logged in as that role."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=PROJECT,
            env=self._environment(role),
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def job(self, lines: str) -> str:
        """Python in the role of jobs; returns what it prints."""
        return self.manage("worker", "shell", "--no-imports", "--command", lines).strip()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """SQL that sees everything."""
        with psycopg.connect(self.urls["worker"], autocommit=True) as connection:
            connection.execute("SET ROLE ispcore_worker")  # to be past policies is not inherited
            return connection.execute(query).fetchall()

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        web = Running(
            [sys.executable, "-m", "ispcore.web", "--port", str(self.port)],
            log=self.log,
            environment={**self._environment("app"), "PYTHONPATH": str(PROJECT)},
        )
        try:
            web.wait_until(self._answers, timeout_s=60)
            yield
        finally:
            web.stop()

    def hear(self, watched: list[list[str]], *, ticket: str = "", session: str = "") -> Any:
        """What a socket is sent: {(topic, key): spots}; None for what is refused."""
        wanted = {tuple(one) for one in watched}
        heard: dict[Any, Any] = {}
        address = self.url.replace("http", "ws") + "/live/"
        headers = {"Cookie": f"sessionid={session}"} if session else {}
        with (
            connect(
                f"{address}?ticket={ticket}" if ticket else address,
                origin=None if ticket else Origin(self.url),
                additional_headers=headers,
                max_size=None,
            ) as socket,
            contextlib.suppress(ConnectionClosed),
        ):
            socket.send(json.dumps({"subscribe": watched}))
            while wanted - set(heard):
                message = json.loads(socket.recv(timeout=PATIENCE_S))
                if "refused" in message:
                    heard[tuple(message["refused"])] = None
                for frame in message.get("frames", ()):
                    heard[frame["topic"], frame["key"]] = frame["spots"]
        return heard

    def _environment(self, role: str) -> dict[str, str]:
        passed = {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}
        return {
            **passed,
            **KEYS,
            "PATH": PATH,
            "ISPCORE_VAR": str(self._var),
            "DATABASE_URL": self.urls[role],
            "PUBLIC_URL": "",
        }

    def _answers(self) -> bool:
        with contextlib.suppress(OSError):
            return Client(self).get("/health/").status > 0
        return False


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, after all redirects."""

    status: int
    path: str
    kind: str
    text: str

    def json(self) -> Any:
        return json.loads(self.text)


class Client:
    """Another system, which asks the API, with a token or none."""

    def __init__(self, portal: Walled, token: str = "") -> None:
        self._url = portal.url
        self._jar = http.cookiejar.CookieJar()
        cookies = urllib.request.HTTPCookieProcessor(self._jar)
        self._opener = urllib.request.build_opener(cookies)
        if token:
            self._opener.addheaders.append(("Authorization", f"Bearer {token}"))

    def get(self, path: str) -> Answer:
        return self._ask(path)

    def post(self, path: str, **given: str) -> Answer:
        body = json.dumps(given).encode()
        headers = {"Content-Type": "application/json"}
        return self._ask(path, body, headers)

    def _ask(
        self, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        request = urllib.request.Request(self._url + path, body, dict(headers or {}))  # noqa: S310 - ours
        try:
            answer: Any = self._opener.open(request, timeout=30)
        except urllib.error.HTTPError as refusal:
            answer = refusal
        with answer:
            path = urllib.parse.urlsplit(answer.url).path
            kind = answer.headers.get("Content-Type", "")
            return Answer(answer.status, path, kind, answer.read().decode())


class Browser(Client):
    """One person's browser."""

    def post(self, path: str, **form: str) -> Answer:
        """With the token that an earlier page gave."""
        form |= {"csrfmiddlewaretoken": self._cookie("csrftoken")}
        body = urllib.parse.urlencode(form).encode()
        return self._ask(path, body)

    def log_in(self, name: str, password: str = "") -> Answer:
        self.get("/account/login/")
        return self.post("/account/login/", login=name, password=password or f"{name}-password")

    @property
    def session(self) -> str:
        return self._cookie("sessionid")

    def _cookie(self, name: str) -> str:
        return next((str(each.value) for each in self._jar if each.name == name), "")
