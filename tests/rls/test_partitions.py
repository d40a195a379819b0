"""Partitions: reached through their table only, and protected as it is where they are not."""
# ruff: noqa: S608 - the names are our own

from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.management import call_command
from django.db import ProgrammingError, connection, models, transaction

from ispcore.base.rls import identity, upkeep
from ispcore.base.rls.identity import EVERYBODY, NOBODY, Sight
from ispcore.base.timeseries import partitions, retention
from resellers.models import Mapping, Usage
from tests.rls.conftest import Isp, Sql

pytestmark = pytest.mark.django_db

FAR = datetime(2035, 6, 1, tzinfo=UTC)
SERIES = [model for model in partitions.all_series() if partitions.series_of(model).partition_days]

each_series = pytest.mark.parametrize("model", SERIES, ids=lambda model: model._meta.db_table)


def parts_of(model: type[models.Model]) -> list[str]:
    return [part.table for part in partitions.partitions(partitions.series_of(model))]


@each_series
def test_the_web_has_no_right_on_any_partition(web: Sql, model: type[models.Model]) -> None:
    parts = parts_of(model)
    assert len(parts) > 2
    for part in parts:
        with pytest.raises(ProgrammingError, match="permission denied"):
            web.rows(f'SELECT 1 FROM "{part}"', sees=EVERYBODY)


@each_series
def test_a_partition_is_protected_by_itself_too(
    isp: Isp, web: Sql, model: type[models.Model]
) -> None:
    """Were a right given by mistake, it would still show the tenant's own rows only."""
    rest = partitions.last_resort(partitions.series_of(model))
    with identity.as_owner(), connection.cursor() as cursor:
        cursor.execute(f'GRANT SELECT ON "{rest}" TO {identity.APP}')
    own = web.rows(f'SELECT 1 FROM "{rest}"', sees=Sight(isp.tenant))
    assert len(own) == 1
    assert len(web.rows(f'SELECT 1 FROM "{rest}"', sees=EVERYBODY)) == 2
    assert web.rows(f'SELECT 1 FROM "{rest}"', sees=NOBODY) == []


@each_series
def test_what_is_made_later_is_protected_as_well(web: Sql, model: type[models.Model]) -> None:
    (name,) = partitions.ensure(partitions.series_of(model), FAR, FAR)
    table = upkeep.look().tables[name]
    assert table.is_forced
    assert table.owner == identity.OWNER
    assert not table.rights
    assert len(table.policies) == len(upkeep.look().tables[model._meta.db_table].policies) == 1
    with pytest.raises(ProgrammingError, match="permission denied"):
        web.rows(f'SELECT 1 FROM "{name}"', sees=EVERYBODY)


def test_jobs_keep_partitions_with_rows_of_all_tenants(isp: Isp, web: Sql) -> None:
    """Rows astray get a partition, and what is too old goes, in the role of jobs."""
    mapping = Mapping.objects.get(reseller__tenant_id=isp.tenant)
    old = datetime(2020, 1, 1, tzinfo=UTC)
    fields: dict[str, Any] = {"covered_s": 300, "source": "snmp"}
    Usage.objects.create(mapping=mapping, bucket=old, **fields)
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchone() == (identity.WORKER,)
    made = partitions.ensure(partitions.series_of(Usage), old, old)
    assert made == ["usage_5m_20200101"]
    query = "SELECT bucket FROM usage_5m WHERE bucket < '2021-01-01'"
    assert web.rows(query, sees=Sight(isp.tenant)) == [(old,)]
    assert web.rows(query, sees=Sight(isp.other)) == []
    retention.forget(Usage)
    assert web.rows(query, sees=EVERYBODY) == []
    assert "usage_5m_20200101" not in parts_of(Usage)


def test_the_command_shows_and_tidies_in_the_role_of_jobs(isp: Isp) -> None:
    call_command("series", tidy=True, verbosity=0)


def test_the_owner_cannot_see_past_policies_unless_it_says_so(isp: Isp) -> None:
    """FORCE: a view or a function of the owner is bound like the web."""
    owner = Sql(identity.OWNER)
    assert owner.rows("SELECT 1 FROM usage_5m", sees=NOBODY) == []
    assert len(owner.rows("SELECT 1 FROM usage_5m", sees=Sight(isp.tenant))) == 1
    with identity.as_owner(), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("CREATE VIEW all_alerts AS SELECT * FROM alerts")
        cursor.execute(f"GRANT SELECT ON all_alerts TO {identity.APP}")
    web = Sql(identity.APP)
    assert len(web.rows("SELECT 1 FROM all_alerts", sees=Sight(isp.tenant))) == 1
    assert web.rows("SELECT 1 FROM all_alerts", sees=NOBODY) == []
