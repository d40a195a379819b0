"""System checks of the databases: series, audit log, durability (`check --database`)."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004 - Django's names
from django.db import connection
from django.db.utils import DatabaseError

from ispcore.base import append_only, durability
from ispcore.base.models import AuditEntry
from ispcore.base.timeseries import partitions
from ispcore.base.timeseries.models import Series

SOON = timedelta(days=7)


@register(Tags.database)
def series_have_partitions(
    app_configs: Any, databases: Sequence[str] | None = None, **options: Any
) -> list[CheckMessage]:
    """Warnings base.W001 and W002; silent where no table is partitioned (yet)."""
    if "default" not in (databases or ()):
        return []
    try:
        found = [_judge(partitions.series_of(model)) for model in partitions.all_series()]
    except DatabaseError as error:
        return [Warning(f"the series cannot be looked at: {error}", id="base.W001")]
    return [message for messages in found for message in messages]


@register(Tags.database)
def audit_log_is_append_only(
    app_configs: Any, databases: Sequence[str] | None = None, **options: Any
) -> list[CheckMessage]:
    """Error base.E001; silent where the table is not made yet."""
    if "default" not in (databases or ()):
        return []
    try:
        there = AuditEntry._meta.db_table in connection.introspection.table_names()
        missing = append_only.missing() if there else set()
    except DatabaseError as error:
        return [Warning(f"the audit log cannot be looked at: {error}", id="base.W003")]
    if not missing:
        return []
    return [
        Error(
            f"audit_log: anybody who may write it may change it; not there: {sorted(missing)}",
            hint="somebody took the triggers away: as the owner of the table, "
            "manage.py shell -c 'from django.db import connection; "
            "from ispcore.base import append_only; append_only.install(connection)'",
            id="base.E001",
        )
    ]


@register(Tags.database)
def what_is_acknowledged_is_kept(
    app_configs: Any, databases: Sequence[str] | None = None, **options: Any
) -> list[CheckMessage]:
    """Warning durability.W001 of each unsafe setting; silent of a database that does not answer."""
    found: list[durability.Unsafe] = []
    for alias in databases or ():
        with suppress(DatabaseError):
            found += durability.unsafe(alias)
    return [
        Warning(
            each.words,
            hint=f"set {each.name} = {each.setting.wanted} (docs/provisioning.md)",
            id="durability.W001",
        )
        for each in found
    ]


def _judge(series: Series) -> list[CheckMessage]:
    ahead = partitions.ahead(series)
    if ahead is None:
        return []
    found: list[CheckMessage] = []
    if ahead < SOON:
        found.append(
            Warning(
                f"{series.table}: partitions are there for {ahead.days} more days only",
                hint="does the job `tidy series` run? manage.py series --tidy does the same now",
                id="base.W001",
            )
        )
    if astray := partitions.waiting(series):
        found.append(
            Warning(
                f"{series.table}: rows of {astray[0]:%Y-%m-%d} and {len(astray) - 1} other "
                f"partitions wait in {partitions.last_resort(series)}",
                hint="a clock was wrong, or old data came in; what is kept gets its partition "
                "from the job `tidy series`, the rest is deleted when it is old enough",
                id="base.W002",
            )
        )
    return found
