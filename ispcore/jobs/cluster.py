"""A job cluster that ends when one of its processes was killed, so that it is started anew.

A process that dies by SIGKILL may hold a lock of a queue (an idle worker does, one of two times);
the others then wait for it for ever, and not even SIGTERM ends them. Nobody inside can tell, so
whoever is gone, the whole cluster ends, with an exit code that has it started again: by our own
supervisor, by systemd or by Docker. What its workers were about is free for the next one at once.
"""

import logging
import os
import signal
import threading
import time
from collections.abc import Iterable
from contextlib import suppress

from django.db import Error, connections
from django_q.cluster import Cluster
from django_q.conf import Conf
from django_q.scheduler import scheduler

from ispcore import schedules
from ispcore.base import leases
from ispcore.jobs import broker, recovery
from ispcore.jobs.members import members

LOOK_EVERY_S = 1.0
GRACE_S = 5.0  # for the workers that live to finish what they are about
log = logging.getLogger(__name__)


def serve() -> bool:
    """Run the cluster that Q_CLUSTER_NAME names. False: it lost a process; True: it was told to end."""
    name = Conf.CLUSTER_NAME
    _take_up(name)
    cluster = Cluster()
    cluster.start()
    recovering = recovery.begin() if recovery.is_of(name) else None  # once all is forked
    family: frozenset[int] = frozenset()
    while cluster.sentinel.is_alive():
        now = members(os.getpid())
        if family - now or (recovering and not recovering.is_alive()):
            break
        family = now
        time.sleep(LOOK_EVERY_S)
    told = cluster.has_stopped or (cluster.stop_event and cluster.stop_event.is_set())
    if told:
        cluster.sentinel.join()
        _retire(name)
        return True
    log.warning("jobs %s: one of its processes is gone; the cluster ends, to be started anew", name)
    _end(cluster, family)
    return False


def _end(cluster: Cluster, family: Iterable[int]) -> None:
    """In good order where that is possible, and then for certain."""
    if cluster.sentinel.is_alive():
        # apart, since it waits for ever for a guard that dies meanwhile
        threading.Thread(target=cluster.stop_event.set, daemon=True).start()
        cluster.sentinel.join(GRACE_S)
    for pid in {*family, *members(os.getpid())}:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    cluster.sentinel.join()


def _take_up(name: str) -> None:
    """Free what a cluster that died was about, and queue what is due by now.

    The guard's first look at the schedules comes after half a minute only.
    """
    try:
        if freed := broker.reclaim(name):
            log.info("jobs %s: %d jobs of a cluster that died here are free again", name, freed)
        scheduler()
    except Error as error:
        log.warning("jobs %s: the database does not answer: %s", name, error)
    finally:
        connections.close_all()  # what is open would be shared with the processes to come


def _retire(name: str) -> None:
    with suppress(Error):
        leases.retire(schedules.heartbeat_name(name))
