"""Packages and a great many subscribers, in both databases as operations would have left them."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.db import connection, connections, transaction

from ispcore.accounts.models import Tenant
from ispcore.base import clock
from ispcore.base.audit import Actor
from subscribers import projection, projector, queries
from subscribers.models import Package, Subscriber
from subscribers.operations import packages, subscribers

BY = Actor("bench")
M = 1_000_000
PIECE = 2_000
_UNSTORED = frozenset({"id"})


def tenant() -> Tenant:
    return Tenant.objects.get_or_create(name="Bench")[0]


def package(name: str, **given: Any) -> Package:
    """A package of our tenant, stored: 20 Mbps down, 10 up, two devices, a month."""
    wanted = {"down_bps": 20 * M, "up_bps": 10 * M, "device_limit": 2, "ipv4_pool": "home"} | given
    return packages.create(Package(tenant=tenant(), name=name, **wanted), by=BY)


def subscriber(of: Package, username: str, **given: Any) -> Subscriber:
    """One that is not stored."""
    wanted = {"radius_password": f"secret-of-{username}", "full_name": "Abdur Rahim"} | given
    return Subscriber(
        tenant_id=of.tenant_id, package=of, service=of.service, username=username, **wanted
    )


def fill(of: Package, names: Sequence[str]) -> None:
    """These names on the package, by COPY here and by the projector there, without units."""
    fields = [f for f in Subscriber._meta.concrete_fields if f.name not in _UNSTORED]
    columns = ", ".join(f'"{field.column}"' for field in fields)
    copy_in = f"COPY network_users ({columns}) FROM STDIN"
    with transaction.atomic(), connection.cursor() as cursor:
        with cursor.copy(copy_in) as copy:
            for row in _rows(of, names):
                copy.write_row(
                    [f.get_db_prep_save(f.pre_save(row, True), connection) for f in fields]
                )
        cursor.execute("ANALYZE network_users")
    for keys in queries.in_pieces(names, PIECE):
        with transaction.atomic(using="radius"):
            projector.write_usernames(keys, queries.lines(queries.named(keys)))


def fill_sessions(of: Package, count: int) -> None:
    """So many in radacct of each line on the package, the last of them open though silent for long."""
    with connections["radius"].cursor() as cursor:
        cursor.execute(
            "INSERT INTO radacct (acctsessionid, acctuniqueid, username, nasipaddress, "
            "acctstarttime, acctupdatetime, acctstoptime, acctsessiontime, acctinputoctets, "
            "acctoutputoctets, callingstationid, framedipaddress) "
            "SELECT CONCAT(seq, '-', id), MD5(CONCAT(seq, '-', id)), username, '10.0.0.1', "
            "UTC_TIMESTAMP() - INTERVAL seq DAY, UTC_TIMESTAMP() - INTERVAL 24 * seq - 23 HOUR, "
            "IF(seq = 1, NULL, UTC_TIMESTAMP() - INTERVAL 24 * seq - 23 HOUR), 82800, 1000000, "
            "9000000, '02:00:00:FF:FF:FF', CONCAT('10.', id >> 16, '.', id >> 8 & 255, '.', id & 255) "
            "FROM radusergroup JOIN seq_1_to_100 WHERE groupname = %s AND seq <= %s",
            [projection.group_of(of.pk), count],
        )
        cursor.execute("ANALYZE TABLE radcheck, radreply, radusergroup, radacct")
        cursor.fetchall()


def _rows(of: Package, names: Sequence[str]) -> Iterator[Subscriber]:
    now = clock.now()
    for number, name in enumerate(names):
        row = subscriber(of, name)
        subscribers.begin(row)
        row.username_key = name
        row.account_number = f"B{of.pk}-{number:06d}"
        row.created_at = row.updated_at = now
        yield row
