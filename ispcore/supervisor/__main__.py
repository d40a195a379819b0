"""python -m ispcore.supervisor: the portal on this machine, from nothing to a URL."""

import argparse
import asyncio
import errno
import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

from ispcore.environment import PROJECT, var_dir
from ispcore.supervisor import reaper
from ispcore.supervisor.children import Child, python
from ispcore.supervisor.output import announce, say
from ispcore.supervisor.plan import Plan, load
from ispcore.supervisor.watchdog import NoAnswer, ask, watch

READY_WITHIN_S = 60.0
LOCK_WITHIN_S = reaper.GRACE_S + 5  # so long may the end of a killed portal take
ANY = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - to recognise them


def main() -> None:
    started_at = time.monotonic()
    options = arguments()
    # a portal that was killed may still be ending: wait for it before its port is looked at
    lock = hold_lock() if lock_path().exists() else None
    check_port(options.host, options.port)
    lock = lock or hold_lock()
    asyncio.run(serve(options, lock, started_at=started_at))
    lock.close()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="script/server",
        description="Run the whole portal on this machine: web, jobs, watch. Ctrl-C ends it.",
    )
    parser.add_argument("--demo", action="store_true", help="with a small ISP and its network")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=port_number, default=8000, help="(%(default)s)")
    return parser.parse_args()


def port_number(text: str) -> int:
    """A TCP port; above 65535 the resolver would quietly take another one."""
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port, which is a number from 1 to 65535")
    return int(text)


def check_port(host: str, port: int) -> None:
    """Exit with one clear line unless (host, port) can be listened on."""
    try:
        family, kind, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        sys.exit(
            f"ispcore: cannot listen on port {port} of {host}: {error.strerror}. {advice(error)}"
        )


def advice(error: OSError) -> str:
    """What to try, where a port or an address cannot be had."""
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return "Choose an address of this machine with --host; 0.0.0.0 is all of them"
    if isinstance(error, PermissionError):
        return "Ports below 1024 are root's: choose another with --port, for example --port 8010"
    return "Choose another with --port, for example: script/server --port 8010"


def lock_path() -> Path:
    return var_dir() / "supervisor.lock"


def hold_lock() -> IO[str]:
    """One portal per var/. Waits for the end of one that was killed; exits if it goes on."""
    path, until = lock_path(), time.monotonic() + LOCK_WITHIN_S
    told = False
    try:
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        lock = path.open("a")
    except OSError as error:
        sys.exit(
            f"ispcore: cannot write in {path.parent}: {error.strerror}. Make it writable for this "
            "user, or name another place in ISPCORE_VAR"
        )
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() > until:
                sys.exit(f"ispcore: a portal runs on {path.parent} already; end that one first")
            if not told:
                say(f"another portal has {path.parent}: waiting {LOCK_WITHIN_S:.0f} s for its end")
                told = True
            time.sleep(0.2)
        else:
            return lock


async def serve(options: argparse.Namespace, lock: IO[str], *, started_at: float) -> None:
    """Prepare, run, and end on Ctrl-C, SIGTERM or a closed terminal."""
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    os.environ.setdefault("ISPCORE_EMBEDDED", "1")
    os.environ["PYTHONUNBUFFERED"] = "1"
    os.environ.setdefault("MALLOC_ARENA_MAX", "2")  # threads that share memory need less of it
    plan = await prepared(options, ended)
    if plan is None:
        return
    guard = Guard(lock)
    children = [Child(program, note=guard.note) for program in plan.programs]
    await run(children, plan, options, ended, started_at=started_at)
    guard.dismiss()


class Guard:
    """Our end of the pipe to the reaper, which ends our children if we die without a word.

    It has our lock as well, so that the next portal waits until they have ended.
    """

    def __init__(self, lock: IO[str]) -> None:
        self._reaper = subprocess.Popen(  # noqa: S603 - our own file
            [sys.executable, "-I", "-S", str(Path(reaper.__file__))],
            stdin=subprocess.PIPE,
            pass_fds=[lock.fileno()],
            start_new_session=True,
            text=True,
        )

    def note(self, sign: str, group: int) -> None:
        """A process group starts (+) or has ended (-)."""
        pipe = self._reaper.stdin
        if pipe is not None and self._reaper.poll() is None:
            pipe.write(f"{sign}{group}\n")
            pipe.flush()

    def dismiss(self) -> None:
        if self._reaper.stdin is not None:
            self._reaper.stdin.close()
        self._reaper.wait()


async def prepared(options: argparse.Namespace, ended: asyncio.Event) -> Plan | None:
    """Run `prepare`; None if people ended it meanwhile. Exits with its code if it failed."""
    read_end, write_end = os.pipe()
    command = python("-m", "ispcore.supervisor.prepare", *(["--demo"] if options.demo else []))
    process = await asyncio.create_subprocess_exec(
        *command,
        *("--host", options.host, "--port", str(options.port), "--plan-fd", str(write_end)),
        cwd=PROJECT,
        pass_fds=[write_end],
        start_new_session=True,
    )
    os.close(write_end)
    ending = asyncio.create_task(ended.wait())
    working = asyncio.create_task(process.wait())
    await asyncio.wait({ending, working}, return_when=asyncio.FIRST_COMPLETED)
    if ended.is_set():
        process.terminate()
    code = await working
    ending.cancel()
    with os.fdopen(read_end) as pipe:
        text = pipe.read()
    if ended.is_set():
        return None
    if code != 0:
        sys.exit(code if code > 0 else 1)
    return load(text)


async def run(
    children: list[Child],
    plan: Plan,
    options: argparse.Namespace,
    ended: asyncio.Event,
    *,
    started_at: float,
) -> None:
    """Keep all children running until `ended`; then end them, and return when none is left."""
    host = ANY.get(options.host, options.host)
    running = [asyncio.create_task(child.keep_running()) for child in children]
    around = [
        asyncio.create_task(greet(host, options.port, plan.host_name, started_at)),
        asyncio.create_task(
            watch(children, host=host, port=options.port, host_name=plan.host_name)
        ),
    ]
    await ended.wait()
    say("ending")
    for task in around:
        task.cancel()
    await asyncio.gather(*(child.stop() for child in children))
    await asyncio.gather(*running)
    say("ended, no process is left")


async def greet(host: str, port: int, host_name: str, started_at: float) -> None:
    """Say where the portal is, once it answers."""
    shown = f"[{host}]" if ":" in host else host
    until = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < until:
        try:
            answer = await ask(host, port, host_name=host_name)
        except NoAnswer:
            await asyncio.sleep(0.1)
            continue
        if answer.status == 200:
            took_s = time.monotonic() - started_at
            announce(
                f"\nISPCore is at http://{shown}:{port}/ (started in {took_s:.1f} s). "
                "Ctrl-C ends it.\n"
            )
            return
        await asyncio.sleep(0.5)
    say(f"the web process does not answer on port {port} after {READY_WITHIN_S:.0f} s: see above")


if __name__ == "__main__":
    main()
