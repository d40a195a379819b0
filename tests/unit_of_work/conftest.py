"""Two tables on each side, in real databases, with real transactions."""

from collections.abc import Iterator
from contextlib import suppress

import pytest
from django.db import Error, connections

from ispcore.base import unit_of_work
from ispcore.base.rls import identity
from ispcore.base.unit_of_work import markers, steps
from tests.unit_of_work import isp
from tests.unit_of_work.isp import PORTAL, RADIUS, Lines

TABLES = ("uow_line", "uow_plan", "uow_check")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/unit_of_work/" in item.nodeid:
            real = pytest.mark.django_db(transaction=True, databases=[PORTAL, RADIUS])
            item.add_marker(real)


@pytest.fixture(autouse=True)
def lines(transactional_db: None) -> Iterator[Lines]:
    """The projector of lines, with plans gold and silver; nothing is left of the test before."""
    _forget()
    for alias, statements in isp.TABLES.items():
        with identity.as_owner(), connections[alias].cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
    with connections[RADIUS].cursor() as cursor:
        cursor.execute(isp.INDEX)
    with connections[PORTAL].cursor() as cursor:
        for plan in ("gold", "silver", isp.NOBODY):
            cursor.execute("INSERT INTO uow_plan VALUES (%s)", [plan])
    projector = Lines()
    unit_of_work.register(isp.KIND, projector)
    yield projector
    steps.stop_at("")
    _forget()


def _forget() -> None:
    markers._done_with.clear()
    for alias, names in ((PORTAL, TABLES[:2]), (RADIUS, (*TABLES[2:], "ispcore_markers"))):
        for name in names:
            with suppress(Error), identity.as_owner(), connections[alias].cursor() as cursor:
                word = "DELETE FROM" if name == "ispcore_markers" else "DROP TABLE IF EXISTS"
                cursor.execute(f"{word} {name}")
