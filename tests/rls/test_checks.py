"""The system check finds what is missing in the wall, and `migrate` mends it."""

from collections.abc import Callable, Iterator

import pytest
from django.core.checks import CheckMessage
from django.core.management import CommandError, call_command
from django.db import connection

from ispcore.base.rls import checks, identity, roles, upkeep
from tests.harness.databases import PostgreSQL
from tests.harness.environment import servers

pytestmark = pytest.mark.django_db


def found() -> list[CheckMessage]:
    return checks.tenants_are_walled_off(None, databases=["default"])


def as_owner(*statements: str) -> None:
    with identity.as_owner(), connection.cursor() as cursor:
        for sql in statements:
            cursor.execute(sql)


def test_a_migrated_database_is_walled_off() -> None:
    assert found() == []
    assert checks.tenants_are_walled_off(None, databases=["radius"]) == []
    assert upkeep.sync() == 0


@pytest.mark.parametrize(
    ("statement", "code", "words"),
    [
        ("DROP POLICY tenant_all ON resellers", "base.E005", "resellers"),
        ("ALTER POLICY tenant_all ON alerts USING (true)", "base.E005", "alerts"),
        ("ALTER TABLE alerts DISABLE ROW LEVEL SECURITY", "base.E005", "alerts"),
        ("ALTER TABLE alerts NO FORCE ROW LEVEL SECURITY", "base.E005", "alerts"),
        ("ALTER TABLE usage_5m_rest DISABLE ROW LEVEL SECURITY", "base.E005", "usage_5m_rest"),
        ("DROP POLICY tenant_all ON usage_hourly_rest", "base.E005", "usage_hourly_rest"),
        ("CREATE POLICY mine ON alerts USING (true)", "base.E005", "alerts"),
        ("CREATE POLICY mine ON reseller_plans USING (true)", "base.E005", "reseller_plans"),
        ("ALTER TABLE django_q_ormq DISABLE ROW LEVEL SECURITY", "base.E005", "django_q_ormq"),
        ("GRANT INSERT ON django_migrations TO ispcore_app", "base.E007", "django_migrations"),
        ("GRANT SELECT ON usage_5m_rest TO ispcore_app", "base.E007", "usage_5m_rest"),
        ("GRANT DELETE ON audit_log TO ispcore_app", "base.E007", "audit_log"),
        ("CREATE TABLE lines (tenant_id bigint)", "base.E005", "lines"),
    ],
)
def test_what_is_missing_is_named(statement: str, code: str, words: str) -> None:
    as_owner(statement)
    (said,) = found()
    assert said.id == code
    assert words in said.msg


@pytest.mark.parametrize(
    "statement",
    [
        "DROP POLICY tenant_all ON resellers",
        "ALTER POLICY tenant_all ON alerts USING (true)",
        "ALTER TABLE alerts NO FORCE ROW LEVEL SECURITY",
        "DROP POLICY tenant_all ON usage_hourly_rest",
        "CREATE POLICY mine ON alerts USING (true)",
        "CREATE POLICY mine ON reseller_plans USING (true)",
        "ALTER TABLE django_q_ormq DISABLE ROW LEVEL SECURITY",
        "GRANT SELECT ON usage_5m_rest TO ispcore_app",
        "GRANT UPDATE ON audit_log TO ispcore_app",
        "REVOKE INSERT ON resellers FROM ispcore_app",
        "CREATE OR REPLACE FUNCTION ispcore_own_resellers() RETURNS bigint[] LANGUAGE sql "
        "AS 'SELECT ARRAY(SELECT id FROM resellers)'",
    ],
)
def test_each_start_mends_it(statement: str) -> None:
    as_owner(statement)
    assert upkeep.sync() > 0
    assert found() == []
    assert upkeep.sync() == 0


@pytest.fixture
def changed_role() -> Iterator[Callable[[str], None]]:
    """changed_role("ispcore_app BYPASSRLS"); as it was, afterwards."""
    server = servers().postgresql
    assert isinstance(server, PostgreSQL)
    yield lambda words: server.as_superuser(f"ALTER ROLE {words}")
    server.as_superuser("ALTER ROLE ispcore_app NOSUPERUSER NOBYPASSRLS")
    server.as_superuser("ALTER ROLE ispcore_worker BYPASSRLS")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("ispcore_app BYPASSRLS", "ispcore_app is not bound by policies"),
        ("ispcore_app SUPERUSER", "ispcore_app is a superuser"),
        ("ispcore_worker NOBYPASSRLS", "ispcore_worker is bound by policies"),
    ],
)
def test_a_role_that_is_not_what_it_should_be_is_an_error(
    changed_role: Callable[[str], None], words: str, said: str
) -> None:
    changed_role(words)
    message = found()[0]
    assert message.id == "base.E004"
    assert message.msg.startswith(said)


def test_a_table_of_somebody_else_is_named() -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE lines (id bigint)")
    (message,) = found()
    assert message.id == "base.W006"
    assert "lines belongs to ispcore_worker" in message.msg


def test_what_makes_the_roles_can_be_run_again() -> None:
    server = servers().postgresql
    assert isinstance(server, PostgreSQL)
    server.as_superuser(roles.sql("ispcore"))
    server.as_superuser(roles.sql("no'such \"login"))
    assert found() == []


def test_the_command_prints_it_for_psql(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("database_roles")
    assert capsys.readouterr().out == roles.sql("ispcore")
    with pytest.raises(CommandError, match="as a superuser"):
        call_command("database_roles", apply=True)
