"""Debian's FreeRADIUS on ports of its own, with the configuration of deploy/freeradius as it is."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import environ

from tests.harness.processes import PATH, Running, as_user, free_port, program
from tests.harness.snmpd import has_ipv6

DEPLOY = Path(__file__).resolve().parents[2] / "deploy" / "freeradius"
START_S = 20.0
SECRET = "a-secret-of-the-harness"  # between the server and the routers of tests
_ANSWER = re.compile(r"Received (\S+) Id")
_ATTRIBUTE = re.compile(r"^\t([\w-]+) = (.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: Access-Accept, ...; "" where nothing did. Attributes by name, in order."""

    code: str
    attributes: tuple[tuple[str, str], ...] = ()

    def __getitem__(self, name: str) -> str:
        return dict(self.attributes)[name]

    def get(self, name: str) -> str | None:
        return dict(self.attributes).get(name)


class FreeRADIUS:
    """A server over the tables of one database, named by its URL."""

    def __init__(
        self,
        database_url: str,
        *,
        settings: Mapping[str, str] | None = None,
        configuration: Path = DEPLOY,
    ) -> None:
        """`settings` are variables of deploy/freeradius/start that differ."""
        self.directory = Path(tempfile.mkdtemp(prefix="ispcore-fr-"))
        self.auth_port, self.acct_port, self.status_port = _ports(3)
        self._environment = {
            "RADIUS_RUN": str(self.directory),
            "RADIUS_AUTH_PORT": str(self.auth_port),
            "RADIUS_ACCT_PORT": str(self.acct_port),
            "RADIUS_STATUS_PORT": str(self.status_port),
            "RADIUS_ADDRESS": "127.0.0.1",
            "RADIUS_ADDRESS6": "::1",
            "RADIUS_REJECT_DELAY_S": "0",  # hundreds of rejects are waited for
            "RADIUS_FAMILIES": "both" if has_ipv6() else "ipv4",
            **_database(database_url),
            **(settings or {}),
        }
        self._configuration = configuration
        self._server: Running | None = None

    def start(self, *options: str) -> "FreeRADIUS":
        """Start it and wait until it answers. Raises DidNotStart."""
        program("freeradius")  # which says how to install it
        self._server = Running(
            [*as_user("root"), str(self._configuration / "start"), *options],
            log=self.directory / "log",
            environment=self._environment,
        )
        self._server.wait_until(self._alive, timeout_s=START_S)
        return self

    def stop(self) -> None:
        if self._server is not None:
            self._server.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def log(self) -> str:
        return (self.directory / "log").read_text(errors="replace")

    def ask(
        self, kind: str, *attributes: str, secret: str = SECRET, v6: bool = False, wait_s: float = 3
    ) -> Answer:
        """One packet: kind is auth or acct, attributes as radclient reads them ("Name = value")."""
        port = self.acct_port if kind == "acct" else self.auth_port
        where = f"[::1]:{port}" if v6 else f"127.0.0.1:{port}"
        return radclient(where, kind, [attributes], secret=secret, wait_s=wait_s)[0]

    def _alive(self) -> bool:
        asked = ("Message-Authenticator = 0x00",)
        where = f"127.0.0.1:{self.status_port}"
        return radclient(where, "status", [asked], secret="local", wait_s=1)[0].code != ""


def radclient(
    where: str,
    kind: str,
    packets: Sequence[Sequence[str]],
    *,
    secret: str,
    wait_s: float = 3,
    tries: int = 1,
    at_once: int = 1,
) -> list[Answer]:
    """Send these packets, `at_once` before an answer is waited for; what comes back, in its order."""
    how = [f"-r{tries}", f"-t{wait_s}", f"-p{at_once}"]
    done = subprocess.run(
        [program("radclient"), "-x", *how, where, kind, secret],
        input="\n\n".join("\n".join(each) for each in packets) + "\n",
        check=False,
        capture_output=True,
        text=True,
        env={"PATH": PATH, "LANG": "C.UTF-8", "TZ": "UTC"},
    )
    parts = re.split(r"(?=^Received )", done.stdout, flags=re.MULTILINE)
    return [_answer(part) for part in parts[1:]] or [Answer("")]


def _answer(text: str) -> Answer:
    found = _ANSWER.match(text)
    if found is None:
        return Answer("")
    pairs = _ATTRIBUTE.findall(text.partition("\nSent ")[0])
    return Answer(found[1], tuple((name, value.strip('"')) for name, value in pairs))


def _database(url: str) -> dict[str, str]:
    config: dict[str, Any] = dict(environ.Env.db_url_config(url))
    if "sqlite" in config["ENGINE"]:
        return {"RADIUS_DB_DIALECT": "sqlite", "RADIUS_DB_NAME": str(config["NAME"])}
    return {
        "RADIUS_DB_DIALECT": "mysql",
        "RADIUS_DB_HOST": str(config["HOST"]),
        "RADIUS_DB_PORT": str(config["PORT"]),
        "RADIUS_DB_NAME": str(config["NAME"]),
        "RADIUS_DB_USER": str(config["USER"]),
        "RADIUS_DB_PASSWORD": str(config["PASSWORD"]),
    }


def _ports(count: int) -> list[int]:
    import socket

    found: set[int] = set()
    while len(found) < count:
        found.add(free_port(kind=socket.SOCK_DGRAM))
    return sorted(found)
