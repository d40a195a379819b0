"""FreeRADIUS' database as pages ask it: one that does not answer leaves the rest of the page whole."""

import logging
from collections.abc import Callable
from typing import TypeVar

from django.db import Error, connections

from ispcore.base import outages
from ispcore.base.unit_of_work.faults import RADIUS

T = TypeVar("T")
AWAY = "FreeRADIUS' database does not answer: what it has is unknown."
logger = logging.getLogger(__name__)


def asked(read: Callable[[], T]) -> tuple[T | None, str]:
    """(what was read, ""), or (None, why not)."""
    try:
        return read(), ""
    except Error as error:
        logger.warning("radius: not read for a page: %s", outages.brief(error))
        connections[RADIUS].close_if_unusable_or_obsolete()
        return None, AWAY
