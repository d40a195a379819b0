"""Every page keeps its budget of queries (query_budgets.csv), and needs no more with more rows.

The pages come from the URL resolver: whatever answers a GET with 200 to the super user, to the
owner of reseller_dhaka or to nobody is one, and the first of them counts. One that is added
without a line in the file fails, and the message is the line to add. A line may ask something
(`admin/search/?q=e`); then that address has to keep it too.

When something changes what every page asks (a middleware, the head of the pages), BUDGETS=write in
the environment writes what is measured into the file; the difference is then to be looked at.
"""

import csv
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.harness import addresses

if TYPE_CHECKING:
    from ispcore.accounts.models import Account
    from tests.pages.conftest import Isp

FILE = Path(__file__).parent / "query_budgets.csv"
MORE = 12  # rows of each, for the second look
# a connection's own affairs, which are no questions of the page
APART = ("SAVEPOINT", "RELEASE", "ROLLBACK", "BEGIN", "SET ", "RESET", "SELECT set_config")
# registered models that Isp has no row of; the pages of their rows are not looked at
WITHOUT_ROWS: tuple[str, ...] = ()


def budgets() -> dict[str, int]:
    with FILE.open(newline="") as file:
        return {line["page"]: int(line["queries"]) for line in csv.DictReader(file)}


def write(made: dict[str, int]) -> None:
    with FILE.open("w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerows([("page", "queries"), *sorted(made.items())])


class Visit:
    """One of the people, who asks for pages and leaves everything as it was."""

    def __init__(self, account: "Account | None") -> None:
        self._browser = Client()
        if account is not None:
            self._browser.force_login(account)
        self._cookies = {name: each.value for name, each in self._browser.cookies.items()}

    def queries(self, url: str) -> int | None:
        """How many queries the page makes; None where it is no page for this person."""
        if self._status(url) != 200:
            return None
        with CaptureQueriesContext(connection) as captured:
            self._status(url)
        return sum(not each["sql"].startswith(APART) for each in captured)

    def _status(self, url: str) -> int:
        self._browser.cookies.load(self._cookies)
        with transaction.atomic():
            status = self._browser.get(url).status_code
            transaction.set_rollback(True)
        return status


@pytest.fixture
def visits(super_user: "Account", reseller_dhaka: "Account") -> list[Visit]:
    return [Visit(super_user), Visit(reseller_dhaka), Visit(None)]


@pytest.fixture
def urls(isp: "Isp", visits: list[Visit]) -> dict[str, str]:
    """The address of each page by its pattern, with a row of Isp in it; and of each line."""
    found = {pattern: _address(pattern) for pattern in addresses.patterns()}
    for line in budgets():
        pattern, asks, query = line.partition("?")
        if asks and pattern in found:
            found[line] = f"{found[pattern]}?{query}"
    return found


def _address(pattern: str) -> str:
    model = addresses.model_of(pattern)
    row = model._default_manager.order_by("pk").first() if model else None
    return addresses.filled(pattern, row.pk if row else 1)


def _counts(visits: list[Visit], urls: dict[str, str]) -> dict[str, int]:
    """The queries of each page for the first who is answered."""
    return {
        name: count
        for name, url in urls.items()
        if (count := next(_answers(visits, url), None)) is not None
    }


def _answers(visits: list[Visit], url: str) -> Iterator[int]:
    for visit in visits:
        if (count := visit.queries(url)) is not None:
            yield count


def test_every_page_keeps_its_budget(urls: dict[str, str], visits: list[Visit]) -> None:
    allowed, made = budgets(), _counts(visits, urls)
    if os.environ.get("BUDGETS") == "write":
        write(made)
        pytest.fail(f"{FILE.name} is written: look at the difference")
    faults = [f"add {name},{count}" for name, count in made.items() if name not in allowed]
    faults += [
        f"{name} makes {count} queries, {allowed[name]} are allowed"
        for name, count in made.items()
        if name in allowed and count > allowed[name]
    ]
    faults += [f"take out {name}: it is no page" for name in allowed if name not in made]
    assert not faults, "\n".join([FILE.name, *faults])


def test_every_model_of_an_admin_site_has_a_row_to_look_at(isp: "Isp", visits: list[Visit]) -> None:
    empty = {
        name
        for name, model in addresses.registered().items()
        if not model._default_manager.exists()
    }
    assert empty == set(WITHOUT_ROWS), "make one in the fixture isp of tests/pages/conftest.py"


def test_no_page_makes_more_queries_for_more_rows(
    isp: "Isp", urls: dict[str, str], visits: list[Visit], more: Callable[[], None]
) -> None:
    few = _counts(visits, urls)
    more()
    assert _counts(visits, urls) == few


@pytest.fixture
def more(isp: "Isp", super_user: "Account") -> Callable[[], None]:
    """More of everything that lists and pages show, also of what hangs on the first rows."""

    def make() -> None:
        for n in range(MORE):
            _more_of_everything(isp, super_user, n)

    return make


def _more_of_everything(isp: "Isp", by: "Account", n: int) -> None:
    from ispcore.accounts.models import Account, Tenant
    from monitoring.models import Alert, Rule
    from monitoring.operations import alerts
    from resellers.models import Plan, Reseller
    from resellers.operations import mappings
    from subscribers.models import StatusChange
    from tests.pages.conftest import (
        _interface,
        _journal,
        _package,
        _rate,
        _router,
        _subscriber,
        _token,
    )

    tenant = Tenant.objects.create(name=f"More {n}")
    plan = Plan.objects.create(name=f"More {n}", down_bps=10**8, up_bps=10**8)
    reseller = Reseller.objects.create(tenant=tenant, plan=plan)
    Account.objects.create_user(f"more{n}", role="client", tenant=tenant)
    _token(f"machine{n}", by=by.actor)
    _journal()
    _subscriber(isp.home, f"more-{n}")
    _subscriber(_package(tenant, f"More {n}"), f"other-{n}")
    StatusChange.objects.create(subscriber=isp.rahim, old="active", new="suspended", by=f"noc {n}")
    router = _router(f"more-{n}", 1, f"10.1.0.{n}")
    for owner, on, place in ((isp.dhaka, isp.edge, 100 + n), (reseller, router, 1)):
        interface = _interface(on, f"more-{n}", place, place)
        _rate(interface, down=1000, up=1000)
        mappings.add(owner, interface=interface, vlan_id=place, by=by.actor)
    for subject in (reseller, isp.dhaka):
        alert = Alert.objects.create(
            fingerprint=f"more {n} of {subject}",
            subject_kind="resellers.reseller",
            subject_id=subject.pk,
            subject=str(subject),
            tenant=subject.tenant,
            severity="critical",
            summary="more",
        )
        alerts.add_note(alert, by=by, note="seen")
    if n % 2:
        alerts.acknowledge(alert, by=by, note="")
    alerts.add_note(isp.over_plan, by=by, note=f"still so {n}")
    Rule.objects.create(name=f"More {n}", metric="router.unreachable_s", warning=1)
