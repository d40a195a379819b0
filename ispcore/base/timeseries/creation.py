"""How migrations make a series: partitioned, a hypertable, or one plain table."""

from collections.abc import Sequence
from typing import Any

from django.db import migrations

from ispcore.base import clock
from ispcore.base.timeseries import partitions, timescale
from ispcore.base.timeseries.models import Series


class CreateSeries(migrations.CreateModel):
    """CreateModel for a series; Django's state of the model is the same everywhere.

    `time` and `partition_days` are as in the model's Series. On PostgreSQL the table is
    partitioned, with partitions for now and the days ahead, and its primary key holds the columns
    `covers` too: a month of one line lies in 8,640 places of the table, but side by side in the
    index. Where the TimescaleDB extension is installed the table is a hypertable; elsewhere it is
    a table like others.
    """

    serialization_expand_args = ["fields", "options"]

    def __init__(
        self,
        name: str,
        fields: Any,
        options: Any,
        *,
        time: str,
        partition_days: int,
        covers: Sequence[str] = (),
    ) -> None:
        super().__init__(name, fields, options)
        self.time, self.partition_days, self.covers = time, partition_days, covers

    def deconstruct(self) -> Any:
        name, args, kwargs = super().deconstruct()
        own = {name: getattr(self, name) for name in ("time", "partition_days", "covers")}
        return name, args, kwargs | own

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        model = to_state.apps.get_model(app_label, self.name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        series = Series(model._meta.db_table, self.time, self.partition_days)
        if schema_editor.connection.vendor != "postgresql":
            schema_editor.create_model(model)
        elif timescale.is_installed():
            schema_editor.create_model(model)
            _execute(schema_editor, timescale.create_sql(series, model._meta.pk.field_names[0]))
        else:
            _create_partitioned(schema_editor, model, series, self.covers)


def _create_partitioned(
    schema_editor: Any, model: Any, series: Series, covers: Sequence[str]
) -> None:
    table, key = schema_editor.sql_create_table, schema_editor.sql_pk_constraint
    schema_editor.sql_create_table = f'{table} PARTITION BY RANGE ("{series.time}")'
    if covers:
        schema_editor.sql_pk_constraint = f"{key} INCLUDE ({', '.join(covers)})"
    try:
        schema_editor.create_model(model)
    finally:
        schema_editor.sql_create_table, schema_editor.sql_pk_constraint = table, key
    _execute(schema_editor, partitions.create_sql(series))
    if not schema_editor.collect_sql:  # sqlmigrate only prints
        now = clock.now()
        partitions.ensure(series, now, now + partitions.AHEAD)


def _execute(schema_editor: Any, statements: list[str]) -> None:
    for sql in statements:
        schema_editor.execute(sql, None)
