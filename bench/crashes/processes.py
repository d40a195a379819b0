"""Processes that provision and may die: the one of a case, and those that work all the time."""

import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Callable
from typing import Self

from django.core.exceptions import ValidationError
from django.db import OperationalError, connections

from bench.crashes import kinds
from ispcore.base import unit_of_work
from ispcore.base.unit_of_work import RECOVERY_STEPS, STEPS
from routers.operations import radius_clients
from subscribers.models import Subscriber
from subscribers.operations import binding, passwords, periods, statuses, subscribers, units
from tests.harness import forks

DONE, FAILED, NOTHING_CHANGED, BEING_DECIDED, AWAY = 0, 1, 10, 11, 12
KILLED = -signal.SIGKILL
POOL = tuple(f"editor-{number}" for number in range(10))
MOVED = (
    *(ValidationError, Subscriber.DoesNotExist),
    *(units.SubscriberMoved, units.StatusStands, radius_clients.UnknownClient),
)


class Worker(forks.Worker):
    """One that ends with the code of how its work went."""

    @classmethod
    def start(cls, work: Callable[[], object], *, stop_at: str = "") -> Self:
        return super().start(lambda: _tell(work), stop_at=stop_at)


def _tell(work: Callable[[], object]) -> None:
    try:
        work()
    except unit_of_work.BeingDecided:
        os._exit(BEING_DECIDED)
    except unit_of_work.NotProvisioned:
        os._exit(NOTHING_CHANGED)
    except OperationalError:  # what an operation reads before its unit begins
        os._exit(AWAY)
    except Exception:  # noqa: BLE001 - the campaign counts it
        traceback.print_exc(file=sys.stderr)
        os._exit(FAILED)
    os._exit(DONE)


class Restless:
    """Editors and a recovery that work all the time, and are killed at steps and at any instant."""

    def __init__(self, seed: int) -> None:
        self.kills = 0
        self._chance = random.Random(seed)  # noqa: S311 - drawn again by its seed
        self._works: list[Callable[[int], None]] = [edit_for_ever, edit_for_ever, recover_for_ever]
        self._running: dict[int, Worker] = {}

    def tend(self) -> None:
        """Start those that are dead anew; kill one now and then."""
        for place, work in enumerate(self._works):
            worker = self._running.get(place)
            if worker is not None and self._chance.random() < 0.1:
                worker.kill()
            if worker is not None and worker.process.exitcode == KILLED:
                self.kills += 1
            if worker is None or not worker.process.is_alive():
                self._running[place] = self._start(work)

    def stop(self) -> None:
        for worker in self._running.values():
            worker.kill()
            self.kills += worker.process.exitcode == KILLED
        self._running.clear()

    def _start(self, work: Callable[[int], None]) -> Worker:
        chance = self._chance
        at = chance.choice(RECOVERY_STEPS if work is recover_for_ever else STEPS)
        order = f"kill:{at}:{chance.randrange(1, 12)}" if chance.random() < 0.6 else ""
        number = chance.randrange(2**32)
        return Worker.start(lambda: work(number), stop_at=order)


def edit_for_ever(seed: int) -> None:
    """Whatever operators do, on ten names and three addresses."""
    chance = random.Random(seed)  # noqa: S311
    while True:
        try:
            _edit_one(chance)
        except (*MOVED, OperationalError, unit_of_work.BeingDecided):
            connections.close_all()
            time.sleep(0.02)
        time.sleep(chance.random() * 0.1)


def _edit_one(chance: random.Random) -> None:
    name, by = chance.choice(POOL), kinds.BY
    found = Subscriber.objects.filter(username_key=name).first()
    if found is None:
        kinds.a_subscriber(name, kinds.package_named())
        return
    package = kinds.package_named(chance.choice(("Home 20", "Home 80")))
    address = f"127.77.0.{chance.randrange(1, 4)}"
    secret = chance.choice((kinds.SECRET, kinds.ANOTHER_SECRET))
    edits: list[Callable[[], object]] = [
        lambda: subscribers.edit(found, changes={"device_limit": chance.randrange(1, 9)}, by=by),
        lambda: statuses.suspend(found, by=by),
        lambda: statuses.resume(found, by=by),
        lambda: passwords.change_password(found, password=passwords.generate(), by=by),
        lambda: periods.change_package(found, package=package, by=by),
        lambda: binding.bind_mac(found, mac=kinds.MAC, by=by),
        lambda: subscribers.rename(found, username=chance.choice(POOL), by=by),
        lambda: subscribers.delete(found, by=by),
        lambda: kinds.a_client(address, secret),
        lambda: radius_clients.remove(address, by=by),
    ]
    chance.choice(edits)()


def recover_for_ever(seed: int) -> None:
    """As the jobs of the portal do, more often."""
    while True:
        try:
            unit_of_work.recover()
        except OperationalError:
            connections.close_all()
        time.sleep(0.05)
