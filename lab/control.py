"""Scenario control over a local Unix socket: JSON lines, one request, one answer."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from pathlib import Path
from typing import Any, Protocol

from lab.verbs import BadControl

TIMEOUT_S = 10.0
_LIMIT = 4 * 1024 * 1024


class Controlled(Protocol):
    """A lab, or a fleet."""

    async def perform(self, verb: str, given: dict[str, Any], /) -> dict[str, Any]:
        """One verb with its arguments; raises BadControl."""


class LabAway(OSError):
    """Nobody serves the control socket."""


class ControlServer:
    """Serves one lab's or fleet's control socket; only its owner may open it."""

    def __init__(self, lab: Controlled, path: Path) -> None:
        self.lab = lab
        self.path = path
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen; a socket file that nobody serves any more is replaced. Raises OSError."""
        if self.path.exists() and not _served(self.path):
            self.path.unlink()
        self._server = await asyncio.start_unix_server(self._accept, str(self.path), limit=_LIMIT)
        self.path.chmod(0o600)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self.path.unlink(missing_ok=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            while line := await reader.readline():
                answer = await self._answer(line)
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        writer.close()

    async def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            given = json.loads(line)
            if not isinstance(given, dict):
                return {"error": "a request is an object with a verb"}
            return await self.lab.perform(str(given.pop("verb", "")), given)
        except (BadControl, json.JSONDecodeError, UnicodeDecodeError) as error:
            return {"error": str(error)}
        except (TypeError, ValueError, OSError) as error:
            return {"error": f"{type(error).__name__}: {error}"}


def _served(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(str(path)) == 0


def send(path: Path | str, verb: str, **given: Any) -> dict[str, Any]:
    """Ask a running lab; raises LabAway where nobody listens, BadControl where it refuses."""
    request = json.dumps({"verb": verb, **given}).encode() + b"\n"
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(TIMEOUT_S)
            client.connect(str(path))
            client.sendall(request)
            with client.makefile("rb") as stream:
                line = stream.readline()
    except OSError as error:
        raise LabAway(f"no lab at {path}: {error.strerror or error}") from error
    if not line:
        raise LabAway(f"the lab at {path} closed the connection")
    answer: dict[str, Any] = json.loads(line)
    if "error" in answer:
        raise BadControl(answer["error"])
    return answer
