"""Is it there? ICMP echo by fping, TCP connect where fping cannot run."""

import asyncio
import ipaddress
import logging
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

logger = logging.getLogger(__name__)

INTERVAL_MS = 2  # between packets to different addresses: 500 a second
MARGIN_S = 5.0
FPING_BROKEN = 3  # exit status from which on fping has not pinged: bad arguments, no permission
TCP_AT_ONCE = 250
_ZONE = re.compile(r"[A-Za-z0-9][\w.-]{0,14}", re.ASCII)
_LINE = re.compile(r"^(?P<address>\S+)\s+:(?P<times>(?: +(?:-|\d+(?:\.\d+)?))+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class PingResult:
    """`alive` None means unknown: nothing here could find out. `rtt_ms` is the best of all tries,
    `loss_percent` (0 to 100) counts them all; both None where nothing came back or was sent.
    `method` says what was done: "tcp" is a connect to one port, not a ping."""

    address: str
    alive: bool | None
    rtt_ms: float | None
    loss_percent: float | None
    method: Literal["icmp", "tcp", "none"]
    error: str = ""


@dataclass(frozen=True, slots=True)
class _Echoes:
    """What one address answered: round trips in ms of `sent` packets."""

    sent: int
    rtts_ms: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class _Pace:
    """So many packets to each address, `timeout_ms` apart, and `interval_ms` between addresses."""

    count: int
    timeout_ms: int
    interval_ms: float

    def limit_s(self, addresses: int) -> float:
        """By when fping has surely ended."""
        return self.count * (self.timeout_ms + addresses * self.interval_ms) / 1000 + MARGIN_S


class _FpingUnusable(Exception):
    """fping is missing, not permitted, or does not end. Internal."""


def ping_many(
    addresses: Sequence[str],
    *,
    count: int = 1,
    timeout_ms: int = 1000,
    tries: int = 2,
    tcp_port: int = 8728,
) -> dict[str, PingResult]:
    """Ping all addresses (v4 and v6) at once, for synchronous callers; see `ping_many_async`."""
    return asyncio.run(
        ping_many_async(
            addresses, count=count, timeout_ms=timeout_ms, tries=tries, tcp_port=tcp_port
        )
    )


async def ping_many_async(
    addresses: Sequence[str],
    *,
    count: int = 1,
    timeout_ms: int = 1000,
    tries: int = 2,
    interval_ms: float = INTERVAL_MS,
    tcp_port: int = 8728,
) -> dict[str, PingResult]:
    """`count` echoes to each address, `timeout_ms` apart; the silent ones again, up to `tries`
    rounds in all.

    Takes about `count * timeout_ms` per round plus `interval_ms` per address, and no longer than
    the last answer. Never raises for the network: where fping cannot run, each address gets as many
    TCP connects to `tcp_port` instead, and both an accepted and a refused connection prove that the
    host is there.
    """
    known = {address: _normal(address) for address in dict.fromkeys(addresses)}
    valid = list(dict.fromkeys(normal for normal in known.values() if normal))
    pace = _Pace(count, timeout_ms, interval_ms)
    try:
        found = await _icmp(valid, pace, tries=tries)
    except _FpingUnusable as error:
        logger.warning("fping: %s, trying TCP port %d instead", error, tcp_port)
        found = await _tcp(valid, pace, port=tcp_port)
    return {
        address: replace(found[normal], address=address) if normal else _not_an_address(address)
        for address, normal in known.items()
    }


def _normal(address: str) -> str:
    """The address as fping writes it; empty for none, also for one whose zone is no name of an
    interface (Python takes anything after the %, and fping reads one address per line)."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return ""
    zone = getattr(found, "scope_id", None)
    return str(found) if zone is None or _ZONE.fullmatch(zone) else ""


def _not_an_address(address: str) -> PingResult:
    return PingResult(address, None, None, None, "none", "not an IP address")


async def _icmp(addresses: Sequence[str], pace: _Pace, *, tries: int) -> dict[str, PingResult]:
    echoes = {address: _Echoes(0, ()) for address in addresses}
    for _ in range(tries):
        silent = [address for address, echo in echoes.items() if not echo.rtts_ms]
        if not silent:
            break
        heard = await _fping(silent, pace)
        for address in silent:
            sent = echoes[address].sent + pace.count
            echoes[address] = _Echoes(sent, heard.get(address, ()))
    waited_s = tries * pace.count * pace.timeout_ms / 1000
    return {address: _judged(address, echo, waited_s) for address, echo in echoes.items()}


def _judged(address: str, echoes: _Echoes, waited_s: float) -> PingResult:
    if not echoes.rtts_ms:
        error = f"no answer to ping in {waited_s:.1f} s ({echoes.sent} sent)"
        return PingResult(address, False, None, 100.0, "icmp", error)
    loss_percent = 100.0 * (1 - len(echoes.rtts_ms) / echoes.sent)
    return PingResult(address, True, min(echoes.rtts_ms), loss_percent, "icmp")


def fping_arguments(count: int, timeout_ms: int, interval_ms: float) -> list[str]:
    """The options that fping is run with; addresses come by stdin."""
    apart = str(timeout_ms)
    return ["-C", str(count), "-q", "-t", apart, "-p", apart, "-i", f"{interval_ms:g}", "-f", "-"]


async def _fping(addresses: Sequence[str], pace: _Pace) -> dict[str, tuple[float, ...]]:
    """Round trips by address. The addresses go in by stdin: no limit on the argument list, and no
    address can be taken for an option."""
    arguments = fping_arguments(pace.count, pace.timeout_ms, pace.interval_ms)
    try:
        process = await asyncio.create_subprocess_exec(
            "fping",
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
    except OSError as error:
        raise _FpingUnusable(error.strerror or "cannot be started") from error
    limit_s = pace.limit_s(len(addresses))
    output = await _output(process, "".join(f"{one}\n" for one in addresses), limit_s=limit_s)
    if process.returncode is None or process.returncode >= FPING_BROKEN or process.returncode < 0:
        raise _FpingUnusable(output.strip()[-200:] or f"exit status {process.returncode}")
    return {match["address"]: _rtts(match["times"]) for match in _LINE.finditer(output)}


async def _output(process: asyncio.subprocess.Process, given: str, *, limit_s: float) -> str:
    try:
        async with asyncio.timeout(limit_s):
            output, _ = await process.communicate(given.encode())
    except TimeoutError:
        raise _FpingUnusable(f"did not end in {limit_s:.0f} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return output.decode(errors="replace")


def _rtts(times: str) -> tuple[float, ...]:
    return tuple(float(time) for time in times.split() if time != "-")


async def _tcp(addresses: Iterable[str], pace: _Pace, *, port: int) -> dict[str, PingResult]:
    slots = asyncio.Semaphore(TCP_AT_ONCE)

    async def one(address: str) -> PingResult:
        async with slots:
            return await _again(lambda: _present(address, port, pace.timeout_ms / 1000), pace)

    results = await asyncio.gather(*(one(address) for address in addresses))
    return {result.address: result for result in results}


async def tcp_pings_async(address: str, port: int, *, count: int, apart_s: float) -> PingResult:
    """`count` times `tcp_ping`, `apart_s` apart and no longer each: alive is what any of them says."""
    return await _again(
        lambda: tcp_ping_async(address, port, apart_s), _Pace(count, int(apart_s * 1000), 0)
    )


async def _again(connect: Callable[[], Awaitable[PingResult]], pace: _Pace) -> PingResult:
    """`pace.count` connects, begun `pace.timeout_ms` apart, as one result."""
    loop, results = asyncio.get_running_loop(), list[PingResult]()
    for number in range(pace.count):
        due = loop.time() + pace.timeout_ms / 1000
        results.append(await connect())
        if number + 1 < pace.count:
            await asyncio.sleep(due - loop.time())
    good = [result for result in results if result.alive]
    best = min(good, key=lambda result: result.rtt_ms or 0.0) if good else results[-1]
    if best.alive is None:
        return best
    return replace(best, loss_percent=100.0 * (1 - len(good) / len(results)))


async def _present(address: str, port: int, timeout_s: float) -> PingResult:
    """Like `tcp_ping`, but a refused connection is an answer too."""
    result = await tcp_ping_async(address, port, timeout_s)
    if result.error == REFUSED:
        return replace(result, alive=True, loss_percent=0.0, error="")
    return result


REFUSED = "connection refused"


def tcp_ping(address: str, port: int, timeout_s: float = 2.0) -> PingResult:
    """Is the service at `port` there? For synchronous callers; see `tcp_ping_async`."""
    return asyncio.run(tcp_ping_async(address, port, timeout_s))


async def tcp_ping_async(address: str, port: int, timeout_s: float = 2.0) -> PingResult:
    """One TCP connect: accepted is alive, even if closed at once; refused ("connection refused")
    and no answer are not alive; unknown (None) where it could not even be tried (no route, no
    socket)."""
    started = time.monotonic()
    try:
        async with asyncio.timeout(timeout_s):
            _, writer = await asyncio.open_connection(address, port)
    except TimeoutError:
        error = f"no answer on port {port} in {timeout_s:.1f} s"
        return PingResult(address, False, None, 100.0, "tcp", error)
    except ConnectionRefusedError:
        return PingResult(address, False, _ms_since(started), 100.0, "tcp", REFUSED)
    except (ConnectionResetError, ConnectionAbortedError):
        pass  # accepted and closed at once: somebody is there
    except OSError as error:
        reason = f"cannot connect to port {port}: {error.strerror or error}"
        return PingResult(address, None, None, None, "none", reason)
    else:
        writer.close()
    return PingResult(address, True, _ms_since(started), 0.0, "tcp")


def _ms_since(started: float) -> float:
    return (time.monotonic() - started) * 1000
