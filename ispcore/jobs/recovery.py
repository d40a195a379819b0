"""Recovery of provisioning, every few seconds: a thread of the leader of the provision cluster.

The scheduler's minute would be too long, and a process of its own 60 MB for a look at a table. The
leader forks no more once its cluster runs. Several nodes may look: a gid is decided once.
"""

import logging
import threading
import time

from django.conf import settings
from django.db import Error, close_old_connections

from ispcore import schedules
from ispcore.base import unit_of_work

EVERY_S = 5.0
CLUSTER = "provision"
logger = logging.getLogger(__name__)


def is_of(cluster: str) -> bool:
    """Whether this cluster recovers: where there is one cluster for everything, that one."""
    return cluster == (schedules.DEFAULT if settings.EMBEDDED else CLUSTER)


def begin() -> threading.Thread:
    """Start it: at once, then every EVERY_S. Its death is its cluster's."""
    thread = threading.Thread(target=_for_ever, name="recovery", daemon=True)
    thread.start()
    return thread


def _for_ever() -> None:
    is_away = False
    while True:
        close_old_connections()
        try:
            unit_of_work.recover()
            is_away = False
        except Error as error:
            if not is_away:
                logger.warning("recovery of provisioning waits: %s", error)
            is_away = True
        time.sleep(EVERY_S)
