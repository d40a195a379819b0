"""Many devices at once."""

import asyncio
import logging
import time
from pathlib import Path

import pytest

from ispcore.protocols.errors import Nonsense, ProtocolError, Refused, Unreachable
from ispcore.protocols.polling import Job, in_thread, poll_many
from ispcore.protocols.snmp import SnmpTarget, engine, oids


def after(seconds: float, result: str) -> Job[str]:
    async def job() -> str:
        await asyncio.sleep(seconds)
        return result

    return job


def fails(error: Exception) -> Job[str]:
    async def job() -> str:
        raise error

    return job


def test_a_dead_device_costs_only_itself() -> None:
    refused = Refused("login refused")
    results = poll_many({"r1": after(0, "fine"), "r2": fails(refused), "r3": after(0.01, "too")})
    assert results == {"r1": "fine", "r2": refused, "r3": "too"}


def test_no_jobs_is_no_work() -> None:
    assert poll_many({}, deadline_s=1.0) == {}


def test_what_is_not_done_by_the_deadline_is_unreachable() -> None:
    started = time.monotonic()
    results = poll_many({"slow": after(30, "late"), "fast": after(0, "ok")}, deadline_s=0.2)
    assert time.monotonic() - started < 25
    assert results["fast"] == "ok"
    assert isinstance(results["slow"], Unreachable)
    assert str(results["slow"]) == "not finished within 0.2 s"


def test_no_more_jobs_run_at_once_than_allowed() -> None:
    running, most = 0, 0

    async def job() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.005)
        running -= 1

    poll_many(dict.fromkeys(range(20), job), concurrency=4)
    assert most == 4


def test_a_fault_of_ours_costs_one_device_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, logger="ispcore.protocols.polling"):
        results = poll_many({"r1": fails(ValueError("secret")), "r2": after(0, "ok")})
    assert isinstance(results["r1"], Nonsense)
    assert "ValueError" in str(results["r1"])
    assert "secret" not in str(results["r1"])
    assert results["r2"] == "ok"
    assert caplog.records[0].getMessage().startswith("r1: ")


def test_a_hundred_blocking_calls_wait_beside_each_other() -> None:
    async def job() -> int:
        return await in_thread(_sleepy, 7)

    started = time.monotonic()
    results = poll_many(dict.fromkeys(range(100), job))
    assert set(results.values()) == {7}
    assert time.monotonic() - started < 15  # one after another it would be 20 s


def _sleepy(number: int) -> int:
    time.sleep(0.2)
    return number


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_thousand_dead_devices_do_not_use_up_the_file_descriptors() -> None:
    base, most = open_files(), 0
    target = SnmpTarget("127.0.0.1", port=1, community="x")

    async def job() -> None:
        nonlocal most
        most = max(most, open_files())
        await engine("gufo").get(target, [oids.SYS_UPTIME])

    results = poll_many(dict.fromkeys(range(1000), job), concurrency=20)
    assert {type(result) for result in results.values()} == {Unreachable}
    assert most < base + 60


def test_each_error_has_its_own_kind_and_is_a_protocol_error() -> None:
    kinds = {error.kind for error in (Unreachable, Refused, Nonsense)}
    assert kinds == {"unreachable", "refused", "nonsense"}
    assert all(issubclass(error, ProtocolError) for error in (Unreachable, Refused, Nonsense))
