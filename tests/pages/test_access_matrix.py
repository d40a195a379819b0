"""Every address of the portal, asked by every kind of person, against a table written by hand.

The addresses come from the URL resolver: one that is added without a line in the table fails.
"""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.test import Client
from django.urls import get_resolver

from tests.conftest import _account
from tests.harness.processes import free_port

if TYPE_CHECKING:
    from ispcore.accounts.models import Account, Tenant
    from tests.pages.conftest import Isp

PEOPLE = (
    *("anonymous", "inactive"),
    *("viewer", "noc", "admin", "super"),
    *("dhaka", "dhaka_operator", "ctg"),  # the rows asked for are those of dhaka
)
# Columns: what GET answers to PEOPLE in that order, then POST with an empty form.
# o 200, x 403, n 404, m 405, L sent to the login, > sent to another page
TABLE = """
health/                                             oo oooo ooo   oo oooo ooo
api/resellers                                       xx oooo ooo   xx xxxx xxx
api/resellers/<int:pk>                              xx oooo oon   xx xxxx xxx
api/resellers/<int:pk>/usage                        xx oooo oon   xx xxxx xxx
api/alerts                                          xx oooo ooo   xx xxxx xxx
api/alerts/<int:pk>                                 xx oooo oon   xx xxxx xxx
api/                                                xx oooo ooo   xx xxxx xxx
admin/search/                                       LL oooo >>>   LL oooo xxx
admin/today.json                                    LL oooo >>>   LL oooo xxx
admin/                                              LL oooo >>>   LL oooo xxx
admin/login/                                        oo >>>> >>>   oo oooo ooo
admin/logout/                                       >> mmmm mmm   >> oooo ooo
admin/password_change/                              LL oooo >>>   LL oooo xxx
admin/password_change/done/                         LL oooo >>>   LL mmmm xxx
admin/autocomplete/                                 LL xxxx >>>   LL mmmm xxx
admin/jsi18n/                                       LL oooo >>>   LL mmmm xxx
admin/r/<path:content_type_id>/<path:object_id>/    LL nnnn >>>   LL nnnn xxx
admin/base/auditentry/                              LL oooo >>>   LL oooo xxx
admin/base/auditentry/add/                          LL xxxx >>>   LL xxxx xxx
admin/base/auditentry/<path:object_id>/history/     LL oooo >>>   LL oooo xxx
admin/base/auditentry/<path:object_id>/delete/      LL xxxx >>>   LL xxxx xxx
admin/base/auditentry/<path:object_id>/change/      LL oooo >>>   LL xxxx xxx
admin/base/auditentry/<path:object_id>/             LL >>>> >>>   LL >>>> xxx
admin/accounts/account/<int:pk>/password/           LL nnoo >>>   LL nn>> xxx
admin/accounts/account/                             LL xxoo >>>   LL xxoo xxx
admin/accounts/account/add/                         LL xxoo >>>   LL xxoo xxx
admin/accounts/account/<path:object_id>/history/    LL nn>> >>>   LL nn>> xxx
admin/accounts/account/<path:object_id>/delete/     LL xxxx >>>   LL xxxx xxx
admin/accounts/account/<path:object_id>/change/     LL xxoo >>>   LL xxoo xxx
admin/accounts/account/<path:object_id>/            LL >>>> >>>   LL >>>> xxx
admin/monitoring/alert/<int:pk>/                    LL oooo >>>   LL oooo xxx
admin/monitoring/alert/<int:pk>/acknowledge/        LL mmmm >>>   LL x>>> xxx
admin/monitoring/alert/<int:pk>/resolve/            LL mmmm >>>   LL x>>> xxx
admin/monitoring/alert/<int:pk>/note/               LL mmmm >>>   LL x>>> xxx
admin/monitoring/alert/acknowledge/                 LL mmmm >>>   LL x>>> xxx
admin/monitoring/alert/                             LL oooo >>>   LL oooo xxx
admin/monitoring/alert/add/                         LL xxxx >>>   LL xxxx xxx
admin/monitoring/alert/<path:object_id>/history/    LL >>>> >>>   LL >>>> xxx
admin/monitoring/alert/<path:object_id>/delete/     LL xxxx >>>   LL xxxx xxx
admin/monitoring/alert/<path:object_id>/change/     LL >>>> >>>   LL xxxx xxx
admin/monitoring/alert/<path:object_id>/            LL oooo >>>   LL oooo xxx
admin/monitoring/rule/                              LL oooo >>>   LL oooo xxx
admin/monitoring/rule/add/                          LL xxoo >>>   LL xxoo xxx
admin/monitoring/rule/<path:object_id>/history/     LL >>>> >>>   LL >>>> xxx
admin/monitoring/rule/<path:object_id>/delete/      LL xxxx >>>   LL xxxx xxx
admin/monitoring/rule/<path:object_id>/change/      LL oooo >>>   LL xxoo xxx
admin/monitoring/rule/<path:object_id>/             LL >>>> >>>   LL >>>> xxx
admin/routers/router/<int:pk>/                      LL oooo >>>   LL oooo xxx
admin/routers/router/<int:pk>/test/                 LL mmmm >>>   LL xooo xxx
admin/routers/router/<int:pk>/discover/             LL mmmm >>>   LL x>>> xxx
admin/routers/router/<int:pk>/poll/                 LL mmmm >>>   LL x>>> xxx
admin/routers/router/renames/<int:pk>/confirm/      LL xooo >>>   LL x>>> xxx
admin/routers/router/renames/<int:pk>/dismiss/      LL xooo >>>   LL x>>> xxx
admin/routers/router/                               LL oooo >>>   LL oooo xxx
admin/routers/router/add/                           LL xxoo >>>   LL xxoo xxx
admin/routers/router/<path:object_id>/history/      LL >>>> >>>   LL >>>> xxx
admin/routers/router/<path:object_id>/delete/       LL xxoo >>>   LL xxoo xxx
admin/routers/router/<path:object_id>/change/       LL >>oo >>>   LL xxoo xxx
admin/routers/router/<path:object_id>/              LL oooo >>>   LL oooo xxx
admin/routers/interface/                            LL oooo >>>   LL oooo xxx
admin/routers/interface/add/                        LL xxxx >>>   LL xxxx xxx
admin/routers/interface/<path:object_id>/history/   LL >>>> >>>   LL >>>> xxx
admin/routers/interface/<path:object_id>/delete/    LL xxxx >>>   LL xxxx xxx
admin/routers/interface/<path:object_id>/change/    LL oooo >>>   LL xxxx xxx
admin/routers/interface/<path:object_id>/           LL >>>> >>>   LL >>>> xxx
admin/resellers/mapping/<int:pk>/end/               LL xooo >>>   LL x>>> xxx
admin/resellers/mapping/                            LL oooo >>>   LL oooo xxx
admin/resellers/mapping/add/                        LL xooo >>>   LL xooo xxx
admin/resellers/mapping/<path:object_id>/history/   LL >>>> >>>   LL >>>> xxx
admin/resellers/mapping/<path:object_id>/delete/    LL xxxx >>>   LL xxxx xxx
admin/resellers/mapping/<path:object_id>/change/    LL oooo >>>   LL xxxx xxx
admin/resellers/mapping/<path:object_id>/           LL >>>> >>>   LL >>>> xxx
admin/resellers/plan/                               LL oooo >>>   LL oooo xxx
admin/resellers/plan/add/                           LL xooo >>>   LL xooo xxx
admin/resellers/plan/<path:object_id>/history/      LL >>>> >>>   LL >>>> xxx
admin/resellers/plan/<path:object_id>/delete/       LL xooo >>>   LL xooo xxx
admin/resellers/plan/<path:object_id>/change/       LL oooo >>>   LL xooo xxx
admin/resellers/plan/<path:object_id>/              LL >>>> >>>   LL >>>> xxx
admin/resellers/reseller/<int:pk>/                  LL oooo >>>   LL oooo xxx
admin/resellers/reseller/<int:pk>/plan/             LL xooo >>>   LL xooo xxx
admin/resellers/reseller/<int:pk>/thresholds/       LL xooo >>>   LL xooo xxx
admin/resellers/reseller/<int:pk>/usage.json        LL oooo >>>   LL oooo xxx
admin/resellers/reseller/<int:pk>/usage.csv         LL oooo >>>   LL oooo xxx
admin/resellers/reseller/                           LL oooo >>>   LL oooo xxx
admin/resellers/reseller/add/                       LL xooo >>>   LL xooo xxx
admin/resellers/reseller/<path:object_id>/history/  LL >>>> >>>   LL >>>> xxx
admin/resellers/reseller/<path:object_id>/delete/   LL xooo >>>   LL xooo xxx
admin/resellers/reseller/<path:object_id>/change/   LL >ooo >>>   LL xooo xxx
admin/resellers/reseller/<path:object_id>/          LL oooo >>>   LL oooo xxx
admin/<app_label>/                                  LL >>>> >>>   LL >>>> xxx
admin/<anything else>                               LL nnnn >>>   LL nnnn xxx
my/                                                 LL >>>> ooo   LL xxxx mmm
my/today.json                                       LL >>>> ooo   LL xxxx mmm
my/usage/                                           LL >>>> ooo   LL xxxx mmm
my/usage.json                                       LL >>>> ooo   LL xxxx mmm
my/usage.csv                                        LL >>>> ooo   LL xxxx mmm
my/links/                                           LL >>>> ooo   LL xxxx mmm
my/alerts/                                          LL >>>> ooo   LL xxxx mmm
my/alerts/<int:pk>/                                 LL >>>> oon   LL xxxx mmm
my/alerts/<int:pk>/acknowledge/                     LL >>>> mmm   LL xxxx >>n
my/alerts/<int:pk>/note/                            LL >>>> mmm   LL xxxx >>n
my/people/                                          LL >>>> oxo   LL xxxx mmm
my/people/add/                                      LL >>>> oxo   LL xxxx oxo
my/people/<int:pk>/                                 LL >>>> oxn   LL xxxx >xn
my/people/<int:pk>/password/                        LL >>>> oxn   LL xxxx >xn
my/profile/                                         LL >>>> ooo   LL xxxx >>>
my/password_change/                                 LL >>>> ooo   LL xxxx ooo
my/<anything else>                                  LL >>>> nnn   LL xxxx nnn
my/login/                                           LL LLLL LLL   LL LLLL LLL
my/logout/                                          >> mmmm mmm   >> oooo ooo
(root)                                              LL >>>> >>>   LL >>>> >>>
"""
MEANINGS = {200: "o", 403: "x", 404: "n", 405: "m"}
LINES = {
    re.split(r"  +", line)[0]: re.split(r"  +", line)[1:] for line in TABLE.strip().splitlines()
}


def _patterns(patterns: Any, before: str = "") -> Iterator[str]:
    for each in patterns:
        pattern = before + str(each.pattern)
        if hasattr(each, "url_patterns"):
            yield from _patterns(each.url_patterns, pattern)
        else:
            yield _named(pattern)


def _named(pattern: str) -> str:
    """A pattern as the table writes it: expressions as the converters they stand for."""
    pattern = re.sub(r"\(\?P<app_label>[^)]*\)", "<app_label>", pattern)
    pattern = pattern.replace("(?P<url>.*)", "<anything else>")
    pattern = pattern.replace(r"(?P<pk>\d{1,18})", "<int:pk>")
    return pattern.replace("^", "").replace("/?$", "").replace("$", "") or "(root)"


def _all_patterns() -> list[str]:
    return list(_patterns(get_resolver().url_patterns))


@pytest.fixture
def keys(isp: "Isp", viewer: "Account", reseller_dhaka: "Account") -> dict[str, int]:
    """The row to ask for, by the part of the address that says what it is."""
    from ispcore.base.models import AuditEntry
    from monitoring.models import Rule
    from routers.models import InterfaceChange, Router

    # a router whose buttons are answered at once, and by this machine
    Router.objects.filter(pk=isp.edge.pk).update(
        address="127.0.0.1", api_port=free_port(), snmp_port=free_port()
    )
    rename = InterfaceChange.objects.create(
        router=isp.edge,
        at=isp.over_plan.opened_at,
        kind="renamed",
        interface=isp.interfaces["vlan-312"],
        other=isp.interfaces["ether1"],
    )
    return {
        "base/auditentry": AuditEntry.objects.latest("pk").pk,
        "accounts/account": viewer.pk,
        "my/people": reseller_dhaka.pk,
        "alert": isp.over_plan.pk,
        "monitoring/rule": Rule.objects.earliest("pk").pk,
        "routers/router/renames": rename.pk,
        "routers/router": isp.edge.pk,
        "routers/interface": isp.interfaces["vlan-312"].pk,
        "resellers/mapping": isp.dhaka_mapping.pk,
        "resellers/plan": isp.plan.pk,
        "resellers": isp.dhaka.pk,
    }


@pytest.fixture
def person(request: pytest.FixtureRequest, isp: "Isp", tenant_dhaka: "Tenant") -> "Account | None":
    if request.param == "anonymous":
        return None
    if request.param == "dhaka_operator":  # the same role, within a tenant
        return _account("op_dhaka", "operator", tenant_dhaka)
    if request.param == "inactive":
        account = _account("gone", "admin")
        account.is_active = False
        account.save()
        return account
    names = {"admin": "admin_account", "super": "super_user"}
    names |= {"dhaka": "reseller_dhaka", "ctg": "reseller_ctg"}
    found: Account = request.getfixturevalue(names.get(request.param, request.param))
    return found


def _address(pattern: str, keys: dict[str, int]) -> str:
    pk = next((str(keys[part]) for part in keys if part in pattern), "1")
    kind = ContentType.objects.get(app_label="resellers", model="reseller").pk
    known = {"<int:pk>": pk, "<path:object_id>": pk, "<path:content_type_id>": str(kind)}
    known |= {"<app_label>": "resellers", "<anything else>": "nowhere", "(root)": ""}
    for part, value in known.items():
        pattern = pattern.replace(part, value)
    return f"/{pattern}"


def _answer(client: Client, method: str, url: str) -> Any:
    """One request; what it changes is undone, the session too."""
    with transaction.atomic():
        response = getattr(client, method)(url)
        transaction.set_rollback(True)
    return response


def _letter(response: Any) -> str:
    if response.status_code == 302:
        return "L" if response["Location"].startswith("/admin/login/") else ">"
    return MEANINGS.get(response.status_code, str(response.status_code))


def test_the_table_has_every_address_and_no_other() -> None:
    assert sorted(_all_patterns()) == sorted(LINES)


@pytest.mark.parametrize("person", PEOPLE, indirect=True)
def test_everybody_is_answered_as_the_table_says(
    person: "Account | None", keys: dict[str, int], request: pytest.FixtureRequest
) -> None:
    column = PEOPLE.index(request.node.callspec.params["person"])
    client = Client()
    if person is not None:
        client.force_login(person)
    cookies = dict(client.cookies)
    found, wanted = {}, {}
    for pattern, (getting, posting) in LINES.items():
        for method, row in (("get", getting), ("post", posting)):
            client.cookies.load({name: cookie.value for name, cookie in cookies.items()})
            response = _answer(client, method, _address(pattern, keys))
            found[method, pattern] = _letter(response)
            wanted[method, pattern] = row.replace(" ", "")[column]
            assert "default-src 'none'" in response["Content-Security-Policy"], pattern
    assert {key: found[key] for key in found if found[key] != wanted[key]} == {}


def test_no_form_is_taken_without_the_token_of_our_page(
    super_user: "Account", keys: dict[str, int]
) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(super_user)
    for pattern in LINES:
        status = _answer(client, "post", _address(pattern, keys)).status_code
        # 405 before the token is looked at, 404 and redirects: nothing behind these takes a form
        readers = ("health/", "(root)", "<anything else>")
        assert status in {403, 405} or any(name in pattern for name in readers), pattern


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_the_api_only_reads(super_user: "Account", keys: dict[str, int], method: str) -> None:
    client = Client()
    client.force_login(super_user)
    urls = [_address(pattern, keys) for pattern in LINES if pattern.startswith("api/")]
    assert {_answer(client, method, url).status_code for url in urls} == {403}
