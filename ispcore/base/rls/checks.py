"""System checks of the second wall: roles, rights, policies (`manage.py check --database default`)."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as Warned
from django.db import connection
from django.db.utils import DatabaseError

from ispcore.base.rls import identity, owners, roles, upkeep
from ispcore.base.rls.identity import APP, OWNER, WORKER
from ispcore.base.rls.upkeep import State, Table
from ispcore.base.timeseries import timescale

NO_ROLES = (
    "PostgreSQL keeps tenants apart by itself only in its own roles, and this login may not take {}"
)
HINT = "as a superuser, once: manage.py database_roles | sudo -u postgres psql; then restart"


@register(Tags.database)
def tenants_are_walled_off(
    app_configs: Any, databases: Sequence[str] | None = None, **options: Any
) -> list[CheckMessage]:
    """Warnings and errors base.W003 to base.W008; silent where there is no PostgreSQL."""
    if "default" not in (databases or ()) or connection.vendor != "postgresql":
        return []
    try:
        role = identity.role()
        if role in (lacking := roles.missing()) and OWNER in lacking:  # migrate's own login has one
            return [Warned(NO_ROLES.format(role), hint=HINT, id="base.W003")]
        with identity.in_role(identity.LOGIN_ROLE):
            return [*_of_roles(), *_of_tables(upkeep.look())]
    except DatabaseError as error:
        return [Warned(f"the policies cannot be looked at: {error}", id="base.W003")]


def _of_roles() -> Iterator[CheckMessage]:
    """Who is bound by policies, and who is not."""
    for role in roles.present():
        if role.is_superuser:
            yield Error(f"{role.name} is a superuser, whom no policy binds", id="base.E004")
        elif role.bypasses != (role.name == WORKER):
            verb = "is not bound" if role.bypasses else "is bound"
            yield Error(f"{role.name} {verb} by policies (BYPASSRLS)", id="base.E004")


def _of_tables(state: State) -> Iterator[CheckMessage]:
    wanted, hypertables = upkeep.wanted(state), timescale.hypertables()
    for name, listed in wanted.items():
        table = state.tables[name]
        digests = {policy.name: policy.digest for policy in listed}
        if not table.is_forced or table.policies != digests:
            yield Error(
                f"{name}: its policies are not those of this version of the portal",
                hint="manage.py migrate brings them up to date",
                id="base.E005",
            )
    for table in state.tables.values():
        yield from _of_table(table, is_walled=table.name in wanted, hypertables=hypertables)


def _of_table(table: Table, *, is_walled: bool, hypertables: set[str]) -> Iterator[CheckMessage]:
    if table.owner != OWNER:
        yield Warned(f"{table.name} belongs to {table.owner}, not to {OWNER}", id="base.W006")
    if beyond := set(table.rights) - upkeep.rights_wanted(table):
        words = "has rights on this partition, past its table"
        if not table.parent:
            words = f"has more rights than it should: {', '.join(sorted(beyond))}"
        yield Error(f"{table.name}: {APP} {words}", id="base.E007")
    if is_walled or table.parent in hypertables:
        return
    if table.name in hypertables and table.name in owners.all_owned():
        yield Warned(
            f"{table.name} is a hypertable, which TimescaleDB compresses or walls off, not both: "
            "its rows are kept apart by the portal alone",
            id="base.W008",
        )
    elif table.has_tenant:
        yield Error(
            f"{table.name} has tenants' rows and no policies: its model has no tenant_path",
            id="base.E005",
        )
