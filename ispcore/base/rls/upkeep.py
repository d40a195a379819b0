"""Brings roles' rights and policies in the database to what this version of the portal wants.

Runs after every migration and at every start; changes only what differs.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.db import connection, transaction

from ispcore.base.rls import identity, owners, policies, roles
from ispcore.base.rls.identity import APP, OWNER, WORKER
from ispcore.base.rls.policies import Policy
from ispcore.base.timeseries import timescale


@dataclass(slots=True)
class Table:
    """A table as the database has it."""

    name: str
    parent: str
    owner: str
    is_forced: bool
    rights: list[str]
    """What the web may do with it."""
    has_tenant: bool
    policies: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class State:
    """What is there: tables by name, and the sources of our functions."""

    tables: dict[str, Table]
    functions: dict[str, str]


TABLES = """
SELECT c.relname, coalesce(p.relname, ''), pg_get_userbyid(c.relowner),
  c.relrowsecurity AND c.relforcerowsecurity,
  ARRAY(SELECT r FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) AS r
    WHERE has_table_privilege('ispcore_app', c.oid, r)),
  EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id'
    AND NOT a.attisdropped)
FROM pg_class c
LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
LEFT JOIN pg_class p ON p.oid = i.inhparent
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
"""
POLICIES = f"""
SELECT c.relname, p.polname,
  CASE split_part(obj_description(p.oid, 'pg_policy'), ' ', 2) WHEN {policies.BODY}
    THEN split_part(obj_description(p.oid, 'pg_policy'), ' ', 1) ELSE 'altered' END
FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
WHERE c.relnamespace = current_schema()::regnamespace
"""  # noqa: S608
FUNCTIONS = """
SELECT p.proname, p.prosrc
FROM pg_proc p
WHERE p.pronamespace = current_schema()::regnamespace AND p.proname LIKE 'ispcore\\_%'
"""
# what the owner makes from here on; `ispcore_app` is given each table by name, and no partition
DEFAULTS = f"""
ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} IN SCHEMA public GRANT ALL ON TABLES TO {WORKER};
ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} IN SCHEMA public GRANT ALL ON SEQUENCES TO {WORKER};
GRANT ALL ON ALL TABLES IN SCHEMA public TO {WORKER};
GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {WORKER};
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {APP}
"""


def sync() -> int:
    """Make rights and policies as they should be; returns how many things had to be changed.

    Nothing where there is no second wall to keep (`roles.apply_here`).
    """
    if not roles.apply_here():
        return 0
    with identity.as_owner(), transaction.atomic():
        statements = list(_mending(look()))
        with connection.cursor() as cursor:
            for sql in statements:
                cursor.execute(sql)
    return len(statements)


def look() -> State:
    """What the database has now."""
    with connection.cursor() as cursor:
        cursor.execute(TABLES)
        tables = {row[0]: Table(*row) for row in cursor.fetchall()}
        cursor.execute(POLICIES)
        for table, name, digest in cursor.fetchall():
            if table in tables:
                tables[table].policies[name] = digest
        cursor.execute(FUNCTIONS)
        return State(tables, dict(cursor.fetchall()))


def wanted(state: State) -> dict[str, list[Policy]]:
    """The policies that each table and partition that is there should have.

    A hypertable has none: TimescaleDB takes compression or row-level security, not both (its issue
    6827), and nothing else keeps it small. See `checks`.
    """
    without, found = timescale.hypertables(), {}
    owned, shared = owners.all_owned(), owners.all_shared()
    for table in state.tables.values():
        root = table.parent or table.name
        if root in owned and root not in without:
            found[table.name] = policies.of_table(owned[root], owned, table=table.name)
        elif root in shared:
            found[table.name] = policies.of_shared(table.name, shared[root])
    return found


def rights_wanted(table: Table) -> set[str]:
    """On parent tables only: a partition is reached through its table, and its policies."""
    return set() if table.parent else set(owners.RIGHTS.get(table.name, owners.ALL_COMMANDS))


def protect_partition(parent: str, name: str) -> list[str]:
    """Statements that protect a new partition as its table is; none where that is not protected."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT relrowsecurity FROM pg_class WHERE oid = to_regclass(%s)", [parent])
        if cursor.fetchone() != (True,):
            return []
    owned = owners.all_owned()
    made = policies.of_table(owned[parent], owned, table=name) if parent in owned else []
    return [*_force(name), *(sql for policy in made for sql in policy.sql)]


def _mending(state: State) -> Iterable[str]:
    """The statements that are missing, in order."""
    owned = owners.all_owned()
    present = {name: each for name, each in owned.items() if name in state.tables}
    if state.tables and _lacks_rights(state):
        yield DEFAULTS
    yield from _rights(state.tables.values())
    for function in policies.functions(present):
        if state.functions.get(function.name) != function.body:
            yield function.sql
    for name, listed in wanted(state).items():
        table = state.tables[name]
        yield from _policies(table, listed)
        if not table.is_forced:
            yield from _force(name)


def _policies(table: Table, listed: Sequence[Policy]) -> Iterable[str]:
    digests = {policy.name: policy.digest for policy in listed}
    for name, digest in table.policies.items():
        if digests.get(name) != digest:
            yield f'DROP POLICY "{name}" ON "{table.name}"'
    for policy in listed:
        if table.policies.get(policy.name) != policy.digest:
            yield from policy.sql


def _rights(tables: Iterable[Table]) -> Iterable[str]:
    """What is too much is taken from the web, what it lacks is given."""
    for table in tables:
        there, wanted = set(table.rights), rights_wanted(table)
        for verb, rights, word in (
            ("REVOKE", there - wanted, "FROM"),
            ("GRANT", wanted - there, "TO"),
        ):
            if rights:
                yield f'{verb} {", ".join(sorted(rights))} ON "{table.name}" {word} {APP}'


def _lacks_rights(state: State) -> bool:
    """Something is new: tables that the web has no right to yet."""
    return any(not table.parent and not table.rights for table in state.tables.values())


def _force(name: str) -> list[str]:
    return [
        f'ALTER TABLE "{name}" ENABLE ROW LEVEL SECURITY',
        f'ALTER TABLE "{name}" FORCE ROW LEVEL SECURITY',
    ]
