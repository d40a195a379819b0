"""Raw SQL in the web's role reads and writes a tenant's own rows, in each of its tables."""
# ruff: noqa: S608 - the names are our models' own

from typing import Any

import pytest
from django.apps import apps
from django.db import DatabaseError, ProgrammingError, models

from ispcore.base import audit_retention
from ispcore.base.rls import owners
from ispcore.base.rls.identity import AT_LOGIN, EVERYBODY, NOBODY, Sight
from tests.rls.conftest import Isp, Sql

pytestmark = pytest.mark.django_db

OWNED = sorted(
    (model for model in apps.get_models() if owners.path_of(model)),
    key=lambda model: model._meta.db_table,
)
# a row of these opens sight into others' tables: for staff alone to write
LENDING = {"reseller_router_mapping"}
APPEND_ONLY = {"alert_events", "audit_log"}
NOT_ALLOWED, UNIQUE, RAISED = "42501", "23505", "P0001"
# tables whose rows are the portal's own: not one of them is about one tenant, or none can be told
# whose it is before it is read (a ticket, a session, a failed login: found by a secret or a hash)
WRITTEN_BY_ALL = {
    *("accounts.liveticket", "accounts.loginbrake", "accounts.sharedcache", "sessions.session"),
}
READ_BY_ALL = {
    *("accounts.rolepermission", "accounts.rolepolicy", "contenttypes.contenttype"),
    *("monitoring.rule", "resellers.plan", "routers.uplink"),
}
FOR_STAFF = {
    *("auth.group", "auth.permission", "base.heartbeat", "base.joblease", "base.stalehour"),
    *("django_q.failure", "django_q.ormq", "django_q.schedule", "django_q.success"),
    *("django_q.task", "live.liveevent", "monitoring.rulestate"),
    *("account.emailconfirmation", "base.journalentry", "base.sentpage", "routers.collector"),
    *("routers.radiusclient",),
}
NOBODYS = WRITTEN_BY_ALL | READ_BY_ALL | FOR_STAFF
RADIUS = {"radius"}  # a database of its own

each_table = pytest.mark.parametrize("model", OWNED, ids=lambda model: model._meta.db_table)


def table_of(model: type[models.Model]) -> str:
    return f'"{model._meta.db_table}"'


def keys_of(model: type[models.Model]) -> list[str]:
    return [str(field.column) for field in model._meta.pk_fields]


def of_tenant(model: type[models.Model], tenant_id: int) -> list[tuple[Any, ...]]:
    """The keys of a tenant's rows, as Django finds them in a role that sees all."""
    rows = model._default_manager.filter(**{owners.path_of(model): tenant_id})
    return sorted(rows.values_list(*keys_of(model)))


def seen(sql: Sql, model: type[models.Model], sees: Sight) -> list[tuple[Any, ...]]:
    columns = ", ".join(f'"{key}"' for key in keys_of(model))
    return sorted(sql.rows(f"SELECT {columns} FROM {table_of(model)}", sees=sees))


def where(model: type[models.Model], key: tuple[Any, ...]) -> tuple[str, list[Any]]:
    return " AND ".join(f'"{name}" = %s' for name in keys_of(model)), list(key)


def sqlstate(error: BaseException) -> str:
    return str(getattr(error.__cause__, "sqlstate", ""))


def copy_of(model: type[models.Model], key: tuple[Any, ...], worker: Sql) -> str:
    """An INSERT of the very row that is there, written out as text."""
    names = [field.column for field in model._meta.concrete_fields if field.column]
    text, values = where(model, key)
    listed = ", ".join(f'"{name}"' for name in names)
    quoted = ", ".join(f'quote_nullable("{name}")' for name in names)
    query = f"SELECT {quoted} FROM {table_of(model)} WHERE {text}"
    (row,) = worker.rows(query, values, sees=EVERYBODY)
    return f"INSERT INTO {table_of(model)} ({listed}) VALUES ({', '.join(row)})"


@each_table
def test_a_tenant_reads_its_own_rows_and_no_others(
    isp: Isp, web: Sql, model: type[models.Model]
) -> None:
    ours, theirs = of_tenant(model, isp.tenant), of_tenant(model, isp.other)
    assert ours
    assert theirs
    assert not set(ours) & set(theirs)
    assert seen(web, model, Sight(isp.tenant)) == ours
    assert seen(web, model, Sight(isp.other)) == theirs


@each_table
def test_nobody_reads_nothing_and_staff_all(isp: Isp, web: Sql, model: type[models.Model]) -> None:
    there = sorted(model._default_manager.values_list(*keys_of(model)))
    assert seen(web, model, NOBODY) == []
    assert seen(web, model, EVERYBODY) == there
    at_login = model._meta.label_lower in owners.AT_LOGIN
    assert seen(web, model, AT_LOGIN) == (there if at_login else [])


@each_table
def test_others_rows_cannot_be_changed_or_deleted(
    isp: Isp, web: Sql, model: type[models.Model]
) -> None:
    column = keys_of(model)[0]
    if model._meta.db_table in owners.RIGHTS:
        for verb in (
            f'UPDATE {table_of(model)} SET "{column}" = "{column}"',
            f"DELETE FROM {table_of(model)}",
        ):
            with pytest.raises(ProgrammingError, match="permission denied"):
                web.count(verb, sees=EVERYBODY)
        return
    for key in of_tenant(model, isp.other):
        text, values = where(model, key)
        for statement in (
            f'UPDATE {table_of(model)} SET "{column}" = "{column}" WHERE {text}',
            f"DELETE FROM {table_of(model)} WHERE {text}",
        ):
            assert web.count(statement, values, sees=Sight(isp.tenant)) == 0
            assert web.count(statement, values, sees=NOBODY) == 0
    assert web.count(f"DELETE FROM {table_of(model)}", sees=NOBODY) == 0


@each_table
def test_own_rows_can_be_written_and_others_not(
    isp: Isp, web: Sql, worker: Sql, model: type[models.Model]
) -> None:
    """The policy is asked before the table is: the same row again is a repetition, if it is ours."""
    own, other = of_tenant(model, isp.tenant)[0], of_tenant(model, isp.other)[0]
    ours, theirs = copy_of(model, own, worker), copy_of(model, other, worker)
    with pytest.raises(ProgrammingError) as refused:
        web.count(theirs, sees=Sight(isp.tenant))
    assert sqlstate(refused.value) == NOT_ALLOWED
    expected = NOT_ALLOWED if model._meta.db_table in LENDING else UNIQUE
    with pytest.raises(DatabaseError) as repeated:
        web.count(ours, sees=Sight(isp.tenant))
    assert sqlstate(repeated.value) == expected
    with pytest.raises(ProgrammingError):
        web.count(ours, sees=NOBODY)


@each_table
def test_own_rows_cannot_be_given_away(
    isp: Isp, web: Sql, worker: Sql, model: type[models.Model]
) -> None:
    name = owners.path_of(model).partition("__")[0]
    field: Any = model._meta.get_field(name)
    column = field.column
    own, other = of_tenant(model, isp.tenant)[0], of_tenant(model, isp.other)[0]
    text, values = where(model, other)
    query = f'SELECT "{column}" FROM {table_of(model)} WHERE {text}'
    ((target,),) = worker.rows(query, values, sees=EVERYBODY)
    text, values = where(model, own)
    statement = f'UPDATE {table_of(model)} SET "{column}" = %s WHERE {text}'
    if model._meta.db_table in LENDING:
        assert web.count(statement, [target, *values], sees=Sight(isp.tenant)) == 0
        return
    with pytest.raises(DatabaseError) as refused:
        web.count(statement, [target, *values], sees=Sight(isp.tenant))
    assert sqlstate(refused.value) in {NOT_ALLOWED, RAISED}
    assert sqlstate(refused.value) == NOT_ALLOWED or model._meta.db_table in APPEND_ONLY


def test_every_table_is_somebodys_or_decided_to_be_nobodys() -> None:
    models = [model for model in apps.get_models() if model._meta.app_label not in RADIUS]
    nobodys = {model._meta.label_lower for model in models if not owners.path_of(model)}
    assert nobodys == NOBODYS


@pytest.mark.parametrize("label", sorted(NOBODYS))
def test_staff_alone_write_what_is_nobodys(isp: Isp, web: Sql, label: str) -> None:
    """But for what a login needs. The policy is asked before the table is, as above."""
    statement = f"INSERT INTO {table_of(apps.get_model(label))} DEFAULT VALUES"
    for sees in (Sight(isp.tenant), AT_LOGIN, NOBODY):
        with pytest.raises(DatabaseError) as refused:
            web.count(statement, sees=sees)
        assert (sqlstate(refused.value) == NOT_ALLOWED) == (label not in WRITTEN_BY_ALL)
    with pytest.raises(DatabaseError) as by_the_table:
        web.count(statement, sees=EVERYBODY)
    assert sqlstate(by_the_table.value) != NOT_ALLOWED


@pytest.fixture
def portals_own(isp: Isp) -> list[str]:
    """Labels of tables that are nobody's and for no tenant to write, each with a row."""
    from django_q.models import OrmQ

    from ispcore.base import leases
    from ispcore.base.models import Heartbeat
    from resellers.models import Plan
    from routers.models import Collector, Uplink

    now = isp.noc.created_at
    made = [
        Plan.objects.create(name="p", down_bps=10**7, up_bps=10**7),
        Uplink.objects.create(node="n", checked_at=now),
        Collector.objects.create(node="n", seen_at=now),
        OrmQ.objects.create(key="default", payload="x", lock=now),
    ]
    leases.beat("web", started_at=now)
    rest = ("accounts.rolepermission", "contenttypes.contenttype", "monitoring.rule")
    found = [row._meta.label_lower for row in made] + [Heartbeat._meta.label_lower, *rest]
    assert set(found) <= READ_BY_ALL | FOR_STAFF
    return found


def test_a_tenant_reads_of_it_what_its_pages_show_and_changes_nothing(
    isp: Isp, web: Sql, portals_own: list[str]
) -> None:
    for label in portals_own:
        model = apps.get_model(label)
        table, column = table_of(model), keys_of(model)[0]
        there = model._default_manager.count()
        assert there
        for sees in (Sight(isp.tenant), AT_LOGIN, NOBODY):
            seen_there = web.rows(f"SELECT count(*) FROM {table}", sees=sees)
            assert seen_there == [(there if label in READ_BY_ALL else 0,)], label
            assert web.count(f'UPDATE {table} SET "{column}" = "{column}"', sees=sees) == 0, label
            assert web.count(f"DELETE FROM {table}", sees=sees) == 0, label
        update = f'UPDATE {table} SET "{column}" = "{column}"'
        assert web.count(update, sees=EVERYBODY) == there, label


def test_the_web_reads_which_migrations_ran(web: Sql) -> None:
    assert web.rows("SELECT count(*) > 0 FROM django_migrations", sees=NOBODY) == [(True,)]
    with pytest.raises(ProgrammingError, match="permission denied"):
        web.count("DELETE FROM django_migrations", sees=EVERYBODY)


def test_nobody_but_jobs_takes_from_the_audit_log(isp: Isp, web: Sql, worker: Sql) -> None:
    """And they only what is old enough, where the transaction says that it is retention."""
    columns = "at, kind, actor, token, surface, request_id, process, action, object_kind, object_id"
    columns += ", object_name, old, new, reason, words, members"
    values = "now() - interval '9 years', 'job', 'x', '', 'job', '', '', 'x', 'x', '1', 'x'"
    query = f"INSERT INTO audit_log ({columns}) VALUES ({values}, '{{}}', '{{}}', '', '', 0)"
    assert web.count(query, sees=EVERYBODY) == 1
    old = "SELECT count(*) FROM audit_log WHERE at < now() - interval '1 year'"
    assert web.rows(old, sees=EVERYBODY) == [(1,)]
    for statement in ("DELETE FROM audit_log", "UPDATE audit_log SET actor = 'y'"):
        with pytest.raises(ProgrammingError, match="permission denied"):
            web.count(statement, sees=EVERYBODY)
        with pytest.raises(DatabaseError, match="append-only"):
            worker.count(statement, sees=EVERYBODY)
    assert audit_retention.forget() == 1
    assert web.rows(old, sees=EVERYBODY) == [(0,)]


def test_a_mapping_shows_its_reseller_the_router_and_nobody_elses(isp: Isp, web: Sql) -> None:
    from resellers.models import Mapping
    from routers.models import Interface, Router, RouterCounters

    shared = Router.objects.create(name="shared", address="10.9.0.1")
    hidden = Router.objects.create(name="hidden", address="10.9.0.2")
    RouterCounters.objects.create(router=shared)
    made = [
        Interface.objects.create(
            router=router,
            name=name,
            index=1,
            first_seen_at=router.created_at,
            last_seen_at=router.created_at,
        )
        for router, name in ((shared, "ours"), (shared, "theirs"), (hidden, "other"))
    ]
    mine = Mapping.objects.get(reseller__tenant_id=isp.tenant).reseller
    Mapping.objects.create(reseller=mine, router=shared, interface=made[0])
    sees = Sight(isp.tenant)
    names = {name for (name,) in web.rows("SELECT name FROM router_configs", sees=sees)}
    assert names == {"r1", "shared"}
    names = {name for (name,) in web.rows("SELECT name FROM router_interfaces", sees=sees)}
    assert names == {"v", "ours"}
    assert web.count("UPDATE router_configs SET name = name", sees=sees) == 1  # r1, its own
    assert web.count("UPDATE router_interfaces SET name = name", sees=sees) == 1
    counters = web.rows("SELECT router_id FROM router_counters", sees=sees)
    assert (shared.pk,) not in counters  # one row holds the counters of all its resellers


def test_logins_may_change_accounts_and_no_more(isp: Isp, web: Sql) -> None:
    assert web.count("UPDATE accounts SET last_login = now()", sees=AT_LOGIN) == 3
    assert web.count("UPDATE tenants SET name = name", sees=AT_LOGIN) == 0
    assert web.count("DELETE FROM accounts", sees=AT_LOGIN) == 0
    with pytest.raises(ProgrammingError):
        web.count("INSERT INTO tenants (name) VALUES ('x')", sees=AT_LOGIN)


def test_the_web_may_not_change_the_schema_or_empty_tables(web: Sql) -> None:
    for statement in (
        "CREATE TABLE mine (id int)",
        "TRUNCATE resellers",
        "DROP POLICY tenant_all ON resellers",
        "ALTER TABLE resellers DISABLE ROW LEVEL SECURITY",
        "SET SESSION AUTHORIZATION ispcore_worker",
    ):
        with pytest.raises(DatabaseError):
            web.count(statement, sees=EVERYBODY)
