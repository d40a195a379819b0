"""Changes of subscribers, packages and RADIUS clients, for the test that every change is recorded.

Each is a unit of work of its own, the outermost transaction of both databases: that nothing of it is
left where it dies at any step is tested by itself (tests/subscribers/test_together.py).
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from ispcore.accounts.models import Tenant
from ispcore.base import clock
from ispcore.base.audit import Actor
from radius.models import Check
from radius.operations.nas import Client
from routers.operations import radius_clients
from subscribers.operations import (
    account_numbers,
    binding,
    bulk,
    imports,
    packages,
    passwords,
    periods,
    reconciling,
    statuses,
    subscribers,
)
from subscribers.operations.reconciling import Extent
from tests.subscribers.conftest import M, a_package, a_subscriber

BY = Actor("noc")
World = SimpleNamespace
LATER = timedelta(days=60)
SUBSCRIBER, PACKAGE = "subscribers.subscriber", "subscribers.package"
CLIENT = Client("10.0.0.8", "x", "a-secret-of-sixteen")
# what these have in common, and what changes nothing
FACTS = {
    *("judging.tidy", "judging.check", "judging.check_package", "judging.lies_in"),
    *("judging.refuse_unwritable", "judging.refuse_taken", "subscribers.begin"),
    *("judging.refuse_end", "judging.refuse_past"),
    *("prefixes.hold", "prefixes.claim", "prefixes.refuse_overlaps", "prefixes.clashes"),
    *("units.allow", "units.run", "units.usernames", "units.change_one", "units.locked"),
    "units.note_statuses",
    *("strangers.found", "strangers.taken_over", "strangers.refusal"),
    *("strangers.words", "strangers.noted"),
    *("account_numbers.take", "account_numbers.advancing", "account_numbers.taken"),
    *("passwords.generate", "imports.plan", "reconciling.plan", "reconciling.is_of_nobody"),
    *("statuses.moving", "periods.renewing", "periods.taking", "periods.end_with"),
    # an import that waits to be confirmed, and is forgotten by itself
    *("uploads.keep", "uploads.found", "uploads.rows_of", "uploads.note", "uploads.forget"),
    *("uploads.claimed", "uploads.tenant_of"),
}
CHANGES: dict[str, Callable[[World], object]] = {
    "binding.bind_mac": lambda w: binding.bind_mac(w.rahim, mac="aabb.cc00.1122", by=BY),
    "binding.unbind_mac": lambda w: binding.unbind_mac(w.rahim, by=BY),
    "bulk.suspend": lambda w: bulk.suspend(["rahim"], by=BY),
    "bulk.resume": lambda w: bulk.resume(["salam"], by=BY),
    "bulk.renew": lambda w: bulk.renew(["rahim"], by=BY),
    "bulk.change_package": lambda w: bulk.change_package(
        ["rahim"], package=w.unused_package, by=BY
    ),
    "imports.apply": lambda w: list(imports.apply(w.import_plan, by=BY)),
    "packages.create": lambda w: packages.create(a_package(w.rahim.tenant, "New"), by=BY),
    "packages.edit": lambda w: packages.edit(w.rahim.package, changes={"down_bps": 30 * M}, by=BY),
    "packages.delete": lambda w: packages.delete(w.unused_package, by=BY),
    "passwords.change_password": lambda w: passwords.change_password(
        w.rahim, password="another", by=BY
    ),
    "periods.renew": lambda w: periods.renew(w.rahim, by=BY),
    "periods.extend": lambda w: periods.extend(w.rahim, until=None, by=BY),
    "periods.change_package": lambda w: periods.change_package(
        w.rahim, package=w.unused_package, by=BY
    ),
    "periods.turn_due": lambda _: _later(lambda: periods.turn_due(by=BY)),
    "radius_clients.put": lambda _: radius_clients.put(replace(CLIENT, address="10.0.0.9"), by=BY),
    "radius_clients.remove": lambda _: radius_clients.remove(CLIENT.address, by=BY),
    "reconciling.apply": lambda w: reconciling.apply(w.reconcile_plan(), by=BY),
    "statuses.suspend": lambda w: statuses.suspend(w.rahim, by=BY),
    "statuses.disable": lambda w: statuses.disable(w.rahim, by=BY),
    "statuses.resume": lambda w: statuses.resume(w.suspended, by=BY),
    "statuses.expire_due": lambda _: _later(lambda: statuses.expire_due(by=BY)),
    "subscribers.create": lambda w: subscribers.create(
        a_subscriber(w.rahim.package, "jamil"), by=BY
    ),
    "subscribers.edit": lambda w: subscribers.edit(w.rahim, changes={"notes": "x"}, by=BY),
    "subscribers.project_again": lambda w: subscribers.project_again(w.rahim, by=BY),
    "subscribers.rename": lambda w: subscribers.rename(w.rahim, username="rahima", by=BY),
    "subscribers.delete": lambda w: subscribers.delete(w.rahim, by=BY),
}
ENTRIES: dict[str, list[tuple[str, str]]] = {
    "binding.bind_mac": [("bind MAC", SUBSCRIBER)],
    "binding.unbind_mac": [("unbind MAC", SUBSCRIBER)],
    "bulk.suspend": [("suspend", SUBSCRIBER)] * 2,  # head and member
    "bulk.resume": [("resume", SUBSCRIBER)] * 2,
    "bulk.renew": [("renew", SUBSCRIBER)] * 2,
    "bulk.change_package": [("change package", SUBSCRIBER)] * 2,
    "imports.apply": [("create", SUBSCRIBER)] * 2,
    "packages.create": [("create", PACKAGE)],
    "packages.edit": [("change", PACKAGE)],
    "packages.delete": [("delete", PACKAGE)],
    "passwords.change_password": [("change password", SUBSCRIBER)],
    "periods.renew": [("renew", SUBSCRIBER)],
    "periods.extend": [("extend", SUBSCRIBER)],
    "periods.change_package": [("change package", SUBSCRIBER)],
    "periods.turn_due": [("change package", SUBSCRIBER)] * 2,
    "radius_clients.put": [("create", "routers.radiusclient")],
    "radius_clients.remove": [("delete", "routers.radiusclient")],
    "reconciling.apply": [("reconcile RADIUS", SUBSCRIBER)] * 2,
    "statuses.suspend": [("suspend", SUBSCRIBER)],
    "statuses.disable": [("disable", SUBSCRIBER)],
    "statuses.resume": [("resume", SUBSCRIBER)],
    "statuses.expire_due": [("expire", SUBSCRIBER)] * 2,
    "subscribers.create": [("create", SUBSCRIBER)],
    "subscribers.edit": [("change", SUBSCRIBER)],
    "subscribers.project_again": [("put right RADIUS rows", SUBSCRIBER)],
    "subscribers.rename": [("rename", SUBSCRIBER)],
    "subscribers.delete": [("delete", SUBSCRIBER)],
}
# of the portal's database alone
PORTAL_CHANGES: dict[str, Callable[[World], object]] = {
    "account_numbers.set_prefix": lambda w: account_numbers.set_prefix(
        w.rahim.tenant, prefix="DHK", by=BY
    ),
    "passwords.set_web_password": lambda w: passwords.set_web_password(
        w.rahim, password="correct horse", by=BY
    ),
}
PORTAL_ENTRIES: dict[str, list[tuple[str, str]]] = {
    "account_numbers.set_prefix": [("change prefix", "subscribers.accountnumbers")],
    "passwords.set_web_password": [("change web password", SUBSCRIBER)],
}


def people(tenant: Tenant) -> dict[str, Any]:
    """Who has an end, who has none and another package to come, who is suspended; two packages."""
    home = packages.create(a_package(tenant), by=BY)
    other = packages.create(a_package(tenant, "Home 80"), by=BY)
    endless = packages.create(a_package(tenant, "Endless", validity="none"), by=BY)
    coming = packages.create(a_package(tenant, "Coming", validity="none"), by=BY)
    rahim = subscribers.create(a_subscriber(home), by=BY)
    kamal = subscribers.create(a_subscriber(endless, "kamal"), by=BY)
    periods.change_package(kamal, package=coming, at_next_period=True, by=BY)
    salam = subscribers.create(a_subscriber(endless, "salam"), by=BY)
    radius_clients.put(CLIENT, by=BY)
    file = ["username,package\n", "faruk,Home 20\n"]
    return {
        "rahim": rahim,
        "unused_package": other,
        "suspended": statuses.suspend(salam, by=BY),
        "import_plan": imports.plan(tenant, file),
        "reconcile_plan": _with_a_difference,
    }


def _with_a_difference() -> reconciling.Plan:
    Check.objects.filter(username="rahim").delete()
    return reconciling.plan(Extent(username="rahim"))


def _later(change: Callable[[], object]) -> object:
    with clock.frozen(clock.now() + LATER):
        return change()
