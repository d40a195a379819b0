"""The demo's packages and subscribers, with what FreeRADIUS would have kept of their logins.

Apart from the rest of the demo, since each is a unit of work of its own, in both databases.
"""

import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from django.db.models import F

from ispcore.accounts.models import Account, Tenant
from ispcore.base import clock
from ispcore.base.audit import Actor
from ispcore.demo import network, people
from ispcore.demo.operations import DemoInUse
from ispcore.demo.people import DemoPackage, DemoSubscriber
from radius.models import Accounting, Check, PostAuth
from routers.models import Router
from subscribers.models import AccountNumbers, Package, Subscriber
from subscribers.operations import packages, passwords, periods, statuses, subscribers

BY = Actor("demo")
SOON, OVER = 2, -2  # days from now to the end
UNPAID, MOVED = "not paid since last month", "moved away, line taken down"
FOREIGN = "test-technician"
REFUSED = {
    "wrong password": "wrong password",
    "too many": "too many devices",
    "expired": "expired",
    "suspended": "suspended",
    "disabled": "disabled",
}
SINCE = timedelta(days=120)
ONLINE = frozenset({"online", "soon", "by hand", "too many"})
REPORT_OCTETS = (110_000_000, 9_000_000)  # down and up, of each report


def load() -> int:
    """Make packages and subscribers of the demo's tenants; returns how many subscribers."""
    tenants = {each.name: each for each in Tenant.objects.filter(is_demo=True)}
    if Package.objects.filter(tenant__in=tenants.values()).exists():
        return 0
    made = {each.name: _package(each, tenants[each.tenant]) for each in people.PACKAGES}
    chance = random.Random(7)  # noqa: S311 - the same demo each time
    for number, each in enumerate(people.SUBSCRIBERS):
        subscriber = _subscriber(each, made[each.package])
        spans = list(_spans(each, chance))
        _accounting(subscriber, number, spans, chance)
        _logins(subscriber, each, [start for start, _, _ in spans])
    theirs = Subscriber.objects.filter(tenant__in=tenants.values())
    theirs.update(created_at=clock.now() - SINCE)
    Check.objects.create(
        username=FOREIGN, attribute="Cleartext-Password", op=":=", value=passwords.generate()
    )
    return len(people.SUBSCRIBERS)


def report() -> int:
    """As a router's interim update of each session that is online; returns how many."""
    names = [each.username for each in people.SUBSCRIBERS if each.state in ONLINE]
    rows = Accounting.objects.filter(stopped_at=None, username__in=names)
    down, up = REPORT_OCTETS
    return rows.filter(unique_id__startswith="demo").update(
        updated_at=clock.now(),
        output_octets=F("output_octets") + down,
        input_octets=F("input_octets") + up,
    )


def remove() -> int:
    """Take away what `load` made, in both databases; returns how many subscribers.

    Raises DemoInUse before anything is taken away, as operations.remove does.
    """
    if tied := _tied():
        raise DemoInUse(f"still tied to the demo: {', '.join(tied[:5])}. Nothing was changed.")
    rows = list(Subscriber.objects.filter(tenant__is_demo=True))
    names = [row.username for row in rows]
    for row in rows:
        subscribers.delete(row, by=BY, reason="the demo is removed")
    for package in Package.objects.filter(tenant__is_demo=True):
        packages.delete(package, by=BY)
    AccountNumbers.objects.filter(tenant__is_demo=True).delete()  # its tenants go too
    Accounting.objects.filter(username__in=names).delete()
    PostAuth.objects.filter(username__in=names).delete()
    Check.objects.filter(username=FOREIGN).delete()
    return len(rows)


def _tied() -> list[str]:
    """What somebody has given to a tenant of the demo."""
    accounts = Account.objects.filter(tenant__is_demo=True).exclude(username=network.LOGIN)
    routers = Router.objects.filter(tenant__is_demo=True, is_demo=False)
    return sorted(str(row) for row in (*accounts, *routers))


def _package(each: DemoPackage, tenant: Tenant) -> Package:
    given = {"down_bps": each.down_bps, "up_bps": each.up_bps, "price": each.price}
    package = Package(tenant=tenant, name=each.name, currency="BDT", **given, **each.more)
    return packages.create(package, by=BY)


def _subscriber(each: DemoSubscriber, package: Package) -> Subscriber:
    subscriber = Subscriber(
        tenant=package.tenant,
        package=package,
        service=package.service,
        username=each.username,
        radius_password=passwords.generate(),
        full_name=each.name,
        phone=each.phone,
        expires_at=_after(SOON) if each.state == "soon" else None,
        **dict(each.more),
    )
    subscribers.create(subscriber, by=BY)
    if each.state == "suspended":
        statuses.suspend(subscriber, by=BY, reason=UNPAID)
    elif each.state == "disabled":
        statuses.disable(subscriber, by=BY, reason=MOVED)
    elif each.state == "expired":
        periods.extend(subscriber, until=_after(OVER), by=BY, reason=UNPAID)
    elif each.state == "by hand":
        Check.objects.filter(username=each.username, attribute="Simultaneous-Use").update(value="5")
    return subscriber


def _after(days: int) -> datetime:
    return clock.now() + timedelta(days=days, hours=3)


Span = tuple[datetime, datetime, datetime | None]  # start, last report, stop


def _accounting(
    subscriber: Subscriber, number: int, spans: Sequence[Span], chance: random.Random
) -> None:
    """A few days of sessions; the last is open where the line is online."""
    address = network.ROUTERS[number % len(network.ROUTERS)].address
    Accounting.objects.bulk_create(
        Accounting(
            session_id=f"8{number:03x}{n:04x}",
            unique_id=f"demo{number:04d}{n:04d}",
            username=subscriber.username,
            nas_address=address,
            nas_port_type="Ethernet",
            started_at=start,
            updated_at=heard,
            stopped_at=stop,
            duration_s=int((heard - start).total_seconds()),
            input_octets=octets // 9,
            output_octets=octets,
            calling_station=subscriber.mac or f"48:8F:5A:{number:02X}:{n:02X}:0E",
            terminate_cause="" if stop is None else chance.choice(("Lost-Carrier", "User-Request")),
            ipv4=subscriber.ipv4 or f"100.64.{number}.{n + 2}",
            framed_protocol="PPP",
        )
        for n, (start, heard, stop) in enumerate(spans)
        for octets in [int((heard - start).total_seconds()) * chance.randint(100_000, 900_000)]
    )


def _spans(each: DemoSubscriber, chance: random.Random) -> Iterator[Span]:
    """Oldest first."""
    now = clock.now()
    for days_ago in (4, 3, 2, 1):
        start = now - timedelta(days=days_ago, minutes=chance.randint(0, 400))
        stop = start + timedelta(minutes=chance.randint(90, 900))
        yield start, stop, stop
    if each.state in ONLINE:
        start = now - timedelta(minutes=chance.randint(60, 500))
        yield start, now - timedelta(seconds=chance.randint(5, 280)), None
    elif each.state == "stale":
        yield now - timedelta(hours=9), now - timedelta(hours=5, minutes=12), None


def _logins(subscriber: Subscriber, each: DemoSubscriber, starts: Sequence[datetime]) -> None:
    """One before each session, and what was refused since."""
    now, reason = clock.now(), REFUSED.get(each.state)
    answers: list[tuple[datetime, str | None]] = [(start, None) for start in starts]
    if reason:
        answers += [(now - timedelta(minutes=2 + 3 * n), reason) for n in range(5, -1, -1)]
    PostAuth.objects.bulk_create(
        PostAuth(
            username=subscriber.username,
            reply="Access-Reject" if why and not _is_walled(subscriber, each) else "Access-Accept",
            answered_at=at,
            reason=why,
        )
        for at, why in answers
    )


def _is_walled(subscriber: Subscriber, each: DemoSubscriber) -> bool:
    return subscriber.package.is_walled and each.state in {"expired", "suspended"}
