"""A RouterOS API server: sessions that log in, run commands and stream."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import logging
import secrets
import socket
import ssl
import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from lab import words
from lab.commands import Command, Stream, run, streams
from lab.faults import NONSENSE, REFUSE, Faults
from lab.interface_menus import menus_of
from lab.menus import INTERRUPTED, MISSING, Trap
from lab.router import LabRouter, Row

log = logging.getLogger(__name__)
NO_LINGER = struct.pack("ii", 1, 0)
BAD_LOGIN = "invalid user name or password (6)"
CommandFunction = Callable[[Command], bytes]


@dataclass(slots=True)
class ApiStatistics:
    """What the server has seen, for tests and for status."""

    connections: int = 0
    logins: int = 0
    commands: int = 0


@dataclass(slots=True, eq=False)
class ApiSession:
    """One connection. Commands run in order; streams run beside them until cancelled."""

    server: ApiServer
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    logged_in: bool = False
    challenge: bytes = b""
    running: dict[bytes, asyncio.Task[None]] = field(default_factory=dict)

    async def serve(self) -> None:
        """Until the client goes, talks nonsense, or is sent away."""
        if self.server.faults.mode == NONSENSE:
            self.writer.write(self.server.faults.garbage())
            await self.writer.drain()
            return
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, words.BadWord):
            while await self._handle(await words.read_sentence(self.reader)):
                pass

    def stop(self) -> None:
        for task in self.running.values():
            task.cancel()
        reset(self.writer)

    async def send(
        self, kind: str, attributes: Row | None = None, tag: bytes | None = None
    ) -> None:
        self.writer.write(words.reply(kind, attributes, tag))
        await self.writer.drain()

    async def _handle(self, sentence: list[bytes]) -> bool:
        """Answer one sentence; False ends the session."""
        faults = self.server.faults
        if faults.delay_s:
            await asyncio.sleep(faults.delay_s)
        if faults.silent or faults.mode == NONSENSE:
            self.writer.write(b"" if faults.silent else faults.garbage())
            return faults.silent
        command = Command.parse(sentence)
        self.server.statistics.commands += 1
        return await self._obey(command)

    async def _obey(self, command: Command) -> bool:
        if command.word == "/quit":
            return await self._fatal("session terminated on request")
        if command.word == "/login":
            await self._answer(command, self._login)
            return True
        if not self.logged_in:
            return await self._fatal("not logged in")
        if command.word == "/cancel":
            await self._cancel(command)
        elif streams(command):
            await self._start(command)
        else:
            await self._answer(command, self._run)
        return True

    async def _fatal(self, message: str) -> bool:
        self.writer.write(words.encode_sentence([b"!fatal", message.encode()]))
        await self.writer.drain()
        return False

    async def _answer(self, command: Command, act: CommandFunction) -> None:
        try:
            out = act(command)
        except Trap as trap:
            await self.send("!trap", trap.attributes(), command.tag)
            await self.send("!done", None, command.tag)
            return
        self.writer.write(out)
        await self.writer.drain()

    def _run(self, command: Command) -> bytes:
        return run(self.server.menus, self.server.router, command)

    def _login(self, command: Command) -> bytes:
        """6.43 and later take the password itself, older versions a challenge and its digest."""
        given, spec = command.attributes, self.server.router.spec
        if "response" not in given and self.server.router.version < (6, 43):
            self.challenge = secrets.token_bytes(16)
            return words.reply("!done", {"ret": self.challenge.hex()}, command.tag)
        expected = spec.password
        offered = given.get("password", "")
        if "response" in given:
            secret = b"\x00" + words.octets_of(spec.password) + self.challenge
            expected = "00" + hashlib.md5(secret, usedforsecurity=False).hexdigest()
            offered = given["response"] if self.challenge else ""
        self.challenge = b""
        same = hmac.compare_digest(words.octets_of(expected), words.octets_of(offered))
        wrong = self.server.faults.mode == REFUSE
        if wrong or given.get("name") != spec.username or not same:
            raise Trap(BAD_LOGIN)
        self.logged_in = True
        self.server.statistics.logins += 1
        return words.reply("!done", None, command.tag)

    async def _start(self, command: Command) -> None:
        key = command.tag or b""
        task = asyncio.get_running_loop().create_task(self._stream(command))
        self.running[key] = task
        task.add_done_callback(lambda done: self._ended(key, done))
        await asyncio.sleep(0)  # it listens before the next command of this session runs

    def _ended(self, key: bytes, task: asyncio.Task[None]) -> None:
        if self.running.get(key) is task:
            del self.running[key]

    async def _stream(self, command: Command) -> None:
        stream = Stream(self.server.menus, self.server.router, command)
        try:
            async for row in stream.rows():
                if not self.server.faults.silent:
                    await self.send("!re", row, command.tag)
        except Trap as trap:
            await self.send("!trap", trap.attributes(), command.tag)
            await self.send("!done", None, command.tag)
        except asyncio.CancelledError:
            interrupted = Trap("interrupted", INTERRUPTED)
            await self.send("!trap", interrupted.attributes(), command.tag)
            await self.send("!done", None, command.tag)
        except ConnectionError:
            log.debug("%s: the listener went away", self.server.router.spec.name)

    async def _cancel(self, command: Command) -> None:
        """One command by its tag, or all of them."""
        wanted = command.attributes.get("tag")
        keys = list(self.running) if wanted is None else [words.octets_of(wanted)]
        tasks = [self.running[key] for key in keys if key in self.running]
        if wanted is not None and not tasks:
            trap = Trap("no such command", MISSING)
            await self.send("!trap", trap.attributes(), command.tag)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.send("!done", None, command.tag)


def reset(writer: asyncio.StreamWriter) -> None:
    """Break a connection so that the peer sees a reset, not an orderly end."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
    writer.transport.abort()


class ApiServer:
    """The API of one router on one port, plain or TLS."""

    def __init__(self, router: LabRouter, faults: Faults) -> None:
        self.router = router
        self.faults = faults
        self.menus = menus_of(router)
        self.statistics = ApiStatistics()
        self.sessions: set[ApiSession] = set()

    async def listen(
        self, host: str, port: int, tls: ssl.SSLContext | None = None
    ) -> asyncio.Server:
        """Start accepting; raises OSError where the port is taken."""
        return await asyncio.start_server(self._accept, host, port, ssl=tls)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.statistics.connections += 1
        session = ApiSession(self, reader, writer)
        if self.faults.loses_one():
            reset(writer)
            return
        self.sessions.add(session)
        try:
            await session.serve()
        finally:
            self.sessions.discard(session)
            for task in session.running.values():
                task.cancel()
            writer.close()

    def hang_up(self) -> None:
        """Break every connection, as a router does that has rebooted and is asked again."""
        for session in list(self.sessions):
            session.stop()
