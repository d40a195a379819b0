"""For whom statements are made: told to the connection before each, whatever happened before."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, connections, transaction
from django.test import override_settings

from ispcore.accounts.models import Tenant
from ispcore.base.postgresql.base import DatabaseWrapper
from ispcore.base.rls import identity
from ispcore.base.rls.identity import AT_LOGIN, EVERYBODY, NOBODY, Sight
from tests.rls.conftest import Isp

TOLD = (
    "SELECT current_user::text, current_setting('ispcore.tenant', true), "
    "current_setting('ispcore.sight', true)"
)


def told(using: Any = connection) -> tuple[Any, ...]:
    with using.cursor() as cursor:
        cursor.execute(TOLD)
        return tuple(cursor.fetchone())


def test_web_processes_see_nothing_until_somebody_says_for_whom() -> None:
    with override_settings(PROCESS="web"):
        assert identity.sight() == NOBODY
        assert identity.role() == identity.APP
    for process in ("worker", "collector", "watch", "command"):
        with override_settings(PROCESS=process):
            assert identity.sight() == EVERYBODY
            assert identity.role() == identity.WORKER
    with override_settings(PROCESS="web", DATABASE_ROLE=identity.WORKER):
        assert identity.role() == identity.WORKER


def test_a_block_ends_as_it_began_whatever_happens_in_it() -> None:
    with identity.acting_for(1):
        with suppress(ZeroDivisionError), identity.acting_for(2):
            assert identity.sight() == Sight(2)
            raise ZeroDivisionError
        assert identity.sight() == Sight(1)
    assert identity.sight() == EVERYBODY


def test_a_thread_brings_nothing_along_unless_it_is_carried() -> None:
    with ThreadPoolExecutor(2) as threads, override_settings(PROCESS="web"):
        with identity.acting_for(5), identity.in_role(identity.WORKER):
            bare = threads.submit(identity.sight).result()
            carried = identity.carried(identity.sight)
            sights = [each.result() for each in [threads.submit(carried) for _ in range(20)]]
        assert bare == NOBODY
        assert set(sights) == {Sight(5)}
        assert threads.submit(identity.sight).result() == NOBODY


@pytest.mark.django_db
class TestConnection:
    def test_it_is_told_before_a_statement_and_only_then(self) -> None:
        with identity.in_role(identity.APP):
            with identity.acting_for(7):
                assert told() == (identity.APP, "7", "")
            with identity.acting_for_all():
                assert told() == (identity.APP, "", "all")
            with identity.acting_as(AT_LOGIN):
                assert told() == (identity.APP, "", "login")
            with identity.acting_as(NOBODY):
                assert told() == (identity.APP, "", "")
        assert told() == (identity.WORKER, "", "all")

    def test_one_cursor_serves_two_one_after_the_other(self) -> None:
        with identity.acting_for(1), connection.cursor() as cursor:
            cursor.execute(TOLD)
            assert cursor.fetchone()[1] == "1"
            with identity.acting_for(2):
                cursor.execute(TOLD)
                assert cursor.fetchone()[1] == "2"
            cursor.execute(TOLD)
            assert cursor.fetchone()[1] == "1"

    def test_a_rollback_to_a_savepoint_does_not_bring_the_one_before_back(self) -> None:
        with identity.acting_for(1):
            begun = transaction.savepoint()
        with identity.acting_for(2):
            assert told()[1] == "2"
            transaction.savepoint_rollback(begun)
            assert told()[1] == "2"

    def test_nor_does_a_statement_that_failed(self) -> None:
        with identity.acting_for(1):
            assert told()[1] == "1"
        with identity.acting_for(2):
            with suppress(DatabaseError), transaction.atomic(), identity.acting_for(3):
                assert told()[1] == "3"
                connection.cursor().execute("SELECT 1/0")
            assert told()[1] == "2"

    def test_in_a_transaction_that_failed_the_error_is_the_first_one(self) -> None:
        with transaction.atomic():
            transaction.set_rollback(True)
            with identity.acting_for(3), pytest.raises(transaction.TransactionManagementError):
                told()

    def test_copy_is_made_in_the_role_of_here(self) -> None:
        with identity.as_owner():
            assert told()[0] == identity.OWNER
        with connection.cursor() as cursor, cursor.copy(f"COPY ({TOLD}) TO STDOUT") as copy:
            assert bytes(b"".join(copy)).startswith(identity.WORKER.encode())


def _roll_back_what_was_told() -> None:
    """PostgreSQL unsays with a transaction what was said in it."""
    with identity.acting_for(1):
        assert told()[1] == "1"
    with suppress(ZeroDivisionError), transaction.atomic(), identity.acting_for(2):
        assert told()[1] == "2"
        raise ZeroDivisionError
    assert told()[1:] == ("", "all")  # as the rollback itself was told
    with identity.acting_for(2):
        assert told()[1] == "2"


@pytest.mark.django_db(transaction=True)
def test_nor_does_the_rollback_of_a_whole_transaction() -> None:
    _roll_back_what_was_told()


@pytest.mark.django_db(transaction=True)
def test_a_commit_that_fails_is_a_rollback(tenant_dhaka: Tenant) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE late (id bigint REFERENCES tenants (id) DEFERRABLE INITIALLY DEFERRED)"
        )
    try:
        with identity.acting_for(1):
            assert told()[1] == "1"
        with identity.acting_for(2):
            with pytest.raises(IntegrityError), transaction.atomic():
                connection.cursor().execute("INSERT INTO late VALUES (-1)")
            assert told()[1] == "2"
    finally:
        connection.cursor().execute("DROP TABLE late")


# ---- the pool of web processes

Pooled = Callable[[], DatabaseWrapper]


@pytest.fixture
def pooled(request: pytest.FixtureRequest) -> Iterator[Pooled]:
    """pooled() is a thread's own handle on one pool of connections to the test database."""
    size = request.param
    config = {**connections["default"].settings_dict, "CONN_MAX_AGE": 0}
    options = {**config["OPTIONS"], "pool": {"min_size": size, "max_size": size, "timeout": 20}}

    def make() -> DatabaseWrapper:
        return DatabaseWrapper({**config, "OPTIONS": options}, alias="pooled")

    yield make
    make().close_pool()


two_connections = pytest.mark.parametrize("pooled", [2], indirect=True)
one_connection = pytest.mark.parametrize("pooled", [1], indirect=True)


@contextmanager
def web() -> Iterator[None]:
    with identity.in_role(identity.APP):
        yield


@pytest.mark.django_db(transaction=True)
class TestPool:
    @two_connections
    def test_two_tenants_at_once_see_their_own_rows_only(self, isp: Isp, pooled: Pooled) -> None:
        """Eight threads share two connections; some requests fail, some leave a transaction."""
        expected = {isp.tenant: "Dhaka Fibre", isp.other: "Chattogram Net"}

        def request(number: int) -> tuple[int, list[str], list[str]]:
            tenant_id = (isp.tenant, isp.other)[number % 2]
            wrapper = pooled()
            with web(), identity.acting_for(tenant_id):
                try:
                    return tenant_id, self._names(wrapper, number), self._names(wrapper, 0)
                finally:
                    wrapper.close()

        with ThreadPoolExecutor(8) as threads:
            for tenant_id, first, second in threads.map(request, range(400)):
                assert first == second == [expected[tenant_id]]

    @staticmethod
    def _names(wrapper: DatabaseWrapper, number: int) -> list[str]:
        with wrapper.cursor() as cursor:
            if number % 5 == 1:
                with pytest.raises(DatabaseError):
                    cursor.execute("SELECT 1/0")
            if number % 7 == 1:
                wrapper.set_autocommit(False)  # and never commits
            cursor.execute("SELECT t.name FROM resellers r JOIN tenants t ON t.id = r.tenant_id")
            return [name for (name,) in cursor.fetchall()]

    @one_connection
    def test_a_connection_that_came_back_is_nobodys(self, isp: Isp, pooled: Pooled) -> None:
        """Also for who takes it past Django."""
        wrapper = pooled()
        with web(), identity.acting_for(isp.tenant):
            assert told(wrapper)[1] == str(isp.tenant)
            wrapper.close()
        with wrapper.pool.connection() as raw:
            raw.autocommit = True
            assert tuple(raw.execute(TOLD).fetchone()) == (identity.APP, "", "")
            assert raw.execute("SELECT * FROM resellers").fetchall() == []

    @one_connection
    def test_also_after_an_exception_within_a_transaction(self, isp: Isp, pooled: Pooled) -> None:
        wrapper = pooled()
        with web(), identity.acting_for(isp.tenant):
            wrapper.set_autocommit(False)
            assert told(wrapper)[1] == str(isp.tenant)
            with pytest.raises(DatabaseError):
                wrapper.cursor().execute("SELECT 1/0")
            wrapper.close()
        with wrapper.pool.connection() as raw:
            raw.autocommit = True
            assert tuple(raw.execute(TOLD).fetchone())[1:] == ("", "")
