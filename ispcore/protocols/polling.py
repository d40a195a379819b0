"""Ask many devices at once, so that a dead one holds up nobody but itself."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import ParamSpec, TypeVar

from ispcore.protocols.errors import Nonsense, ProtocolError, Unreachable

logger = logging.getLogger(__name__)

K = TypeVar("K")
T = TypeVar("T")
P = ParamSpec("P")
Job = Callable[[], Awaitable[T]]

THREADS = 250


@cache
def _threads() -> ThreadPoolExecutor:
    """Threads are started as they are needed. asyncio's own pool has six on a two-core machine:
    six dead devices would stop the rest."""
    return ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="protocols")


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a blocking call (RouterOS, easysnmp) beside the event loop."""
    call = partial(function, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(_threads(), call)


def poll_many(
    jobs: Mapping[K, Job[T]],
    *,
    concurrency: int = 250,
    deadline_s: float | None = None,
    heard: Callable[[K, T | ProtocolError], None] | None = None,
) -> dict[K, T | ProtocolError]:
    """Run all jobs, at most `concurrency` at a time, and return each one's result or error.

    For synchronous callers: it runs an event loop of its own (RuntimeError inside another one).
    What is not done `deadline_s` seconds after the start is cancelled and Unreachable. A job that
    fails with anything but a ProtocolError is a fault of ours: logged with its traceback and
    returned as Nonsense, so that it costs one device and not all of them. `heard` is called with
    each outcome as it comes, between the answers of others: it must not take long.
    """
    return asyncio.run(_poll_all(jobs, concurrency, deadline_s, heard))


async def _poll_all(
    jobs: Mapping[K, Job[T]],
    concurrency: int,
    deadline_s: float | None,
    heard: Callable[[K, T | ProtocolError], None] | None,
) -> dict[K, T | ProtocolError]:
    slots = asyncio.Semaphore(concurrency)
    outcomes: dict[K, T | ProtocolError] = {}

    def done(key: K, task: asyncio.Task[T | ProtocolError]) -> None:
        outcomes[key] = _outcome(key, task, deadline_s)
        if heard is not None:
            heard(key, outcomes[key])

    tasks = {key: asyncio.create_task(_in_slot(slots, job)) for key, job in jobs.items()}
    for key, task in tasks.items():
        task.add_done_callback(partial(done, key))
    if tasks:
        _, late = await asyncio.wait(tasks.values(), timeout=deadline_s)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
    return {key: outcomes[key] for key in jobs}


async def _in_slot(slots: asyncio.Semaphore, job: Job[T]) -> T | ProtocolError:
    async with slots:
        try:
            return await job()
        except ProtocolError as error:
            # A traceback keeps the frames of the failed call, and with them its socket: a
            # thousand dead devices would use up the file descriptors of the process.
            error.__traceback__ = error.__cause__ = error.__context__ = None
            return error


def _outcome(
    key: K, task: asyncio.Task[T | ProtocolError], deadline_s: float | None
) -> T | ProtocolError:
    if task.cancelled():
        return Unreachable(f"not finished within {deadline_s or 0.0:.1f} s")
    error = task.exception()
    if error is None:
        return task.result()
    logger.error("%s: poll failed in our own code", key, exc_info=error)
    return Nonsense(f"poll failed in our own code: {type(error).__name__}")
