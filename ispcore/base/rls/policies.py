"""The policies as SQL: what each owned table, and each partition of it, is protected by.

They are evaluated for every query of every page, so: what does not depend on the row is a scalar
subselect (computed once, and not at all for staff, whose half of the OR comes first); the rows of a
tenant further up are an array that a function gives (planned once in a session; the nested policies
of three tables would be planned anew in each statement), or, where a tenant has many of them, a
look-up of the one row (`is_numerous`).
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ispcore.base.rls.owners import READ, Lent, Owned

TENANT = "(SELECT nullif(current_setting('ispcore.tenant', true), '')::bigint)"
WRITES = ("INSERT", "UPDATE", "DELETE")
# a policy (row p of pg_policy) as the database has it
BODY = (
    "md5(concat_ws(' ', p.polcmd, p.polpermissive, p.polroles::text, "
    "pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)))"
)


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy of one table; `condition` holds of the rows that the command may touch."""

    table: str
    name: str
    command: str
    condition: str

    @property
    def digest(self) -> str:
        """Of what we wrote; the database shows it in words of its own."""
        text = f"{self.command} {self.condition}"
        return "ispcore:" + hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def sql(self) -> list[str]:
        """Statements that make it; the comment tells whether somebody altered it afterwards."""
        using = "" if self.command == "INSERT" else f" USING ({self.condition})"
        check = "" if self.command in {READ, "DELETE"} else f" WITH CHECK ({self.condition})"
        return [
            f'CREATE POLICY {self.name} ON "{self.table}" FOR {self.command}{using}{check}',
            f"DO $$ BEGIN EXECUTE (SELECT format('COMMENT ON POLICY %I ON %s IS %L', p.polname, "  # noqa: S608
            f"p.polrelid::regclass, '{self.digest} ' || {BODY}) FROM pg_policy p "
            f"WHERE p.polrelid = '\"{self.table}\"'::regclass AND p.polname = '{self.name}'); END $$",
        ]


@dataclass(frozen=True, slots=True)
class Function:
    """What gives the keys of a tenant's own rows of a table, for the policies of other tables."""

    name: str
    query: str

    @property
    def body(self) -> str:
        return f" BEGIN RETURN ARRAY({self.query}); END "

    @property
    def sql(self) -> str:
        return (
            f"CREATE OR REPLACE FUNCTION {self.name}() RETURNS bigint[] "
            f"LANGUAGE plpgsql STABLE PARALLEL SAFE AS $${self.body}$$"
        )


def of_table(owned: Owned, tables: Mapping[str, Owned], *, table: str = "") -> list[Policy]:
    """The policies of an owned table, or of `table`, a partition of it."""
    name = table or owned.table
    own, everyone = _own(owned, tables, name), _sight("all")
    lent = [_any(f'"{name}"."{owned.key}"', _lent_name(owned, each)) for each in owned.lent]
    opens = any(each.through == owned.table for other in tables.values() for each in other.lent)
    if not (owned.at_login or lent or opens):
        return [Policy(name, "tenant_all", "ALL", f"{everyone} OR {own}")]
    made = []
    for command in (READ, *WRITES):
        conditions = [everyone]
        if command == READ or not opens:  # who could write such a row could lend himself others
            conditions.append(own)
        conditions += lent if command == READ else []
        conditions += [_sight("login")] if command in owned.at_login else []
        made.append(Policy(name, f"tenant_{command.lower()}", command, " OR ".join(conditions)))
    return made


def of_shared(table: str, commands: Sequence[str]) -> list[Policy]:
    """The policies of a table that is nobody's: all may give these commands, staff give any."""
    allowed = [Policy(table, f"all_{command.lower()}", command, "true") for command in commands]
    return [Policy(table, "staff_all", "ALL", _sight("all")), *allowed]


def functions(tables: Mapping[str, Owned]) -> list[Function]:
    """The functions that the policies call, in an order in which they can be made."""
    parents = {owned.parent for owned in tables.values() if owned.parent}
    named = {table for table in parents if not tables[table].is_numerous}
    named |= {each.through for owned in tables.values() for each in owned.lent}
    found = []
    for table in sorted(named):
        owned = tables[table]
        query = f'SELECT "{owned.key}" FROM "{table}" WHERE {_own(owned, tables, table)}'  # noqa: S608
        found.append(Function(_own_name(table), query))
    for owned in tables.values():
        for each in owned.lent:
            own = _own(tables[each.through], tables, each.through)
            query = f'SELECT DISTINCT "{each.column}" FROM "{each.through}" WHERE {own}'  # noqa: S608
            found.append(Function(_lent_name(owned, each), query))
    return found


def _own(owned: Owned, tables: Mapping[str, Owned], name: str) -> str:
    """A row of the table that is called `name` in the statement is the tenant's own."""
    column = f'"{name}"."{owned.column}"'
    if owned.parent is None:
        return f"{column} = {TENANT}"
    parent = tables[owned.parent]
    if not parent.is_numerous:
        return _any(column, _own_name(parent.table))
    return (
        f'EXISTS (SELECT FROM "{parent.table}" AS "of" WHERE "of"."{parent.key}" = {column} '
        f"AND {_own(parent, tables, 'of')})"
    )


def _any(column: str, function: str) -> str:
    return f"{column} = ANY ((SELECT {function}())::bigint[])"


def _sight(scope: str) -> str:
    return f"(SELECT current_setting('ispcore.sight', true) = '{scope}')"


def _own_name(table: str) -> str:
    return f"ispcore_own_{table}"


def _lent_name(owned: Owned, lent: Lent) -> str:
    return f"ispcore_lent_{owned.table}_by_{lent.through}"[:63]
