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
health/                                               oo oooo ooo   oo oooo ooo
api/resellers                                         xx oooo ooo   xx xxxx xxx
api/resellers/<int:pk>                                xx oooo oon   xx xxxx xxx
api/resellers/<int:pk>/usage                          xx oooo oon   xx xxxx xxx
api/alerts                                            xx oooo ooo   xx xxxx xxx
api/alerts/<int:pk>                                   xx oooo oon   xx xxxx xxx
api/                                                  xx oooo ooo   xx xxxx xxx
admin/search/                                         LL oooo ooo   LL oooo ooo
admin/today.json                                      LL oooo xxx   LL oooo xxx
admin/                                                LL oooo >>>   LL oooo >>>
account/login/                                        oo >>>> >>>   oo >>>> >>>
account/logout/                                       >> oooo ooo   >> >>>> >>>
account/inactive/                                     oo oooo ooo   mm mmmm mmm
account/reauthenticate/                               LL oooo ooo   LL oooo ooo
account/password/reset/                               oo oooo ooo   oo oooo ooo
account/password/reset/done/                          oo oooo ooo   mm mmmm mmm
account/password/reset/key/done/                      oo oooo ooo   mm mmmm mmm
account/password/reset/key/<uid>-<key>/               oo oooo ooo   oo oooo ooo
account/second-factor/                                LL oooo ooo   LL mmmm mmm
account/second-factor/authenticate/                   >> >>>> >>>   >> >>>> >>>
account/second-factor/reauthenticate/                 LL >>>> >>>   LL >>>> >>>
account/second-factor/totp/activate/                  LL oooo ooo   LL oooo ooo
account/second-factor/totp/deactivate/                LL nnnn nnn   LL nnnn nnn
account/second-factor/recovery-codes/                 LL nnnn nnn   LL mmmm mmm
account/second-factor/recovery-codes/generate/        LL oooo ooo   LL oooo ooo
account/second-factor/recovery-codes/download/        LL nnnn nnn   LL nnnn nnn
account/second-factor/webauthn/                       LL oooo ooo   LL mmmm mmm
account/second-factor/webauthn/add/                   LL oooo ooo   LL oooo ooo
account/second-factor/webauthn/reauthenticate/        LL >>>> >>>   LL >>>> >>>
account/second-factor/webauthn/keys/<int:pk>/remove/  LL nnnn nnn   LL nnnn nnn
account/second-factor/webauthn/keys/<int:pk>/edit/    LL nnnn nnn   LL nnnn nnn
account/sessions/                                     LL oooo ooo   LL >>>> >>>
admin/login/                                          LL >>>> >>>   LL >>>> >>>
admin/logout/                                         >> mmmm mmm   >> oooo ooo
admin/password_change/                                LL oooo ooo   LL oooo ooo
admin/password_change/done/                           LL oooo ooo   LL mmmm mmm
admin/autocomplete/                                   LL xxxx xxx   LL mmmm mmm
admin/jsi18n/                                         LL oooo ooo   LL mmmm mmm
admin/r/<path:content_type_id>/<path:object_id>/      LL nnnn nnn   LL nnnn nnn
admin/base/auditentry/                                LL oooo xxx   LL oooo xxx
admin/base/auditentry/add/                            LL xxxx xxx   LL xxxx xxx
admin/base/auditentry/<path:object_id>/history/       LL oooo xxx   LL oooo xxx
admin/base/auditentry/<path:object_id>/delete/        LL xxxx xxx   LL xxxx xxx
admin/base/auditentry/<path:object_id>/change/        LL oooo xxx   LL xxxx xxx
admin/base/auditentry/<path:object_id>/               LL >>>> >>>   LL >>>> >>>
admin/accounts/account/<int:pk>/password/             LL nnoo nnn   LL nn>> nnn
admin/accounts/account/<int:pk>/sessions/             LL nnoo nnn   LL nn>> nnn
admin/accounts/account/<int:pk>/second-factor/        LL nnoo nnn   LL nnoo nnn
admin/accounts/rolepolicy/                            LL xxoo xxx   LL xxoo xxx
admin/accounts/rolepolicy/add/                        LL xxxx xxx   LL xxxx xxx
admin/accounts/rolepolicy/<path:object_id>/history/   LL nn>> nnn   LL nn>> nnn
admin/accounts/rolepolicy/<path:object_id>/delete/    LL xxxx xxx   LL xxxx xxx
admin/accounts/rolepolicy/<path:object_id>/change/    LL xxoo xxx   LL xxoo xxx
admin/accounts/rolepolicy/<path:object_id>/           LL >>>> >>>   LL >>>> >>>
admin/accounts/account/                               LL xxoo xxx   LL xxoo xxx
admin/accounts/account/add/                           LL xxoo xxx   LL xxoo xxx
admin/accounts/account/<path:object_id>/history/      LL nn>> nnn   LL nn>> nnn
admin/accounts/account/<path:object_id>/delete/       LL xxxx xxx   LL xxxx xxx
admin/accounts/account/<path:object_id>/change/       LL xxoo xxx   LL xxoo xxx
admin/accounts/account/<path:object_id>/              LL >>>> >>>   LL >>>> >>>
admin/monitoring/alert/<int:pk>/                      LL oooo oon   LL oooo oon
admin/monitoring/alert/<int:pk>/acknowledge/          LL mmmm mmm   LL x>>> xxx
admin/monitoring/alert/<int:pk>/resolve/              LL mmmm mmm   LL x>>> xxx
admin/monitoring/alert/<int:pk>/note/                 LL mmmm mmm   LL x>>> xxx
admin/monitoring/alert/acknowledge/                   LL mmmm mmm   LL x>>> xxx
admin/monitoring/alert/                               LL oooo ooo   LL oooo ooo
admin/monitoring/alert/add/                           LL xxxx xxx   LL xxxx xxx
admin/monitoring/alert/<path:object_id>/history/      LL >>>> >>n   LL >>>> >>n
admin/monitoring/alert/<path:object_id>/delete/       LL xxxx xxx   LL xxxx xxx
admin/monitoring/alert/<path:object_id>/change/       LL >>>> >>n   LL xxxx xxn
admin/monitoring/alert/<path:object_id>/              LL oooo oon   LL oooo oon
admin/monitoring/rule/                                LL oooo xxx   LL oooo xxx
admin/monitoring/rule/add/                            LL xxoo xxx   LL xxoo xxx
admin/monitoring/rule/<path:object_id>/history/       LL >>>> nnn   LL >>>> nnn
admin/monitoring/rule/<path:object_id>/delete/        LL xxxx xxx   LL xxxx xxx
admin/monitoring/rule/<path:object_id>/change/        LL oooo xxx   LL xxoo xxx
admin/monitoring/rule/<path:object_id>/               LL >>>> >>>   LL >>>> >>>
admin/routers/router/<int:pk>/                        LL oooo nnn   LL oooo nnn
admin/routers/router/<int:pk>/test/                   LL mmmm mmm   LL xooo xxx
admin/routers/router/<int:pk>/discover/               LL mmmm mmm   LL x>>> xxx
admin/routers/router/<int:pk>/poll/                   LL mmmm mmm   LL x>>> xxx
admin/routers/router/renames/<int:pk>/confirm/        LL xooo xxx   LL x>>> xxx
admin/routers/router/renames/<int:pk>/dismiss/        LL xooo xxx   LL x>>> xxx
admin/routers/router/                                 LL oooo xxx   LL oooo xxx
admin/routers/router/add/                             LL xxoo xxx   LL xxoo xxx
admin/routers/router/<path:object_id>/history/        LL >>>> nnn   LL >>>> nnn
admin/routers/router/<path:object_id>/delete/         LL xxoo xxx   LL xxoo xxx
admin/routers/router/<path:object_id>/change/         LL >>oo nnn   LL xxoo nnn
admin/routers/router/<path:object_id>/                LL oooo nnn   LL oooo nnn
admin/routers/interface/                              LL oooo xxx   LL oooo xxx
admin/routers/interface/add/                          LL xxxx xxx   LL xxxx xxx
admin/routers/interface/<path:object_id>/history/     LL >>>> nnn   LL >>>> nnn
admin/routers/interface/<path:object_id>/delete/      LL xxxx xxx   LL xxxx xxx
admin/routers/interface/<path:object_id>/change/      LL oooo xxx   LL xxxx xxx
admin/routers/interface/<path:object_id>/             LL >>>> >>>   LL >>>> >>>
admin/resellers/mapping/<int:pk>/end/                 LL xooo xxx   LL x>>> xxx
admin/resellers/mapping/                              LL oooo ooo   LL oooo ooo
admin/resellers/mapping/add/                          LL xooo xxx   LL xooo xxx
admin/resellers/mapping/<path:object_id>/history/     LL >>>> >>n   LL >>>> >>n
admin/resellers/mapping/<path:object_id>/delete/      LL xxxx xxx   LL xxxx xxx
admin/resellers/mapping/<path:object_id>/change/      LL oooo oon   LL xxxx xxx
admin/resellers/mapping/<path:object_id>/             LL >>>> >>>   LL >>>> >>>
admin/resellers/plan/                                 LL oooo xxx   LL oooo xxx
admin/resellers/plan/add/                             LL xooo xxx   LL xooo xxx
admin/resellers/plan/<path:object_id>/history/        LL >>>> nnn   LL >>>> nnn
admin/resellers/plan/<path:object_id>/delete/         LL xooo xxx   LL xooo xxx
admin/resellers/plan/<path:object_id>/change/         LL oooo xxx   LL xooo xxx
admin/resellers/plan/<path:object_id>/                LL >>>> >>>   LL >>>> >>>
admin/resellers/reseller/<int:pk>/                    LL oooo oon   LL oooo oon
admin/resellers/reseller/<int:pk>/plan/               LL xooo xxx   LL xooo xxx
admin/resellers/reseller/<int:pk>/thresholds/         LL xooo xxx   LL xooo xxx
admin/resellers/reseller/<int:pk>/usage.json          LL oooo oon   LL oooo oon
admin/resellers/reseller/<int:pk>/usage.csv           LL oooo oon   LL oooo oon
admin/resellers/reseller/                             LL oooo ooo   LL oooo ooo
admin/resellers/reseller/add/                         LL xooo xxx   LL xooo xxx
admin/resellers/reseller/<path:object_id>/history/    LL >>>> >>n   LL >>>> >>n
admin/resellers/reseller/<path:object_id>/delete/     LL xooo xxx   LL xooo xxx
admin/resellers/reseller/<path:object_id>/change/     LL >ooo >>n   LL xooo xxn
admin/resellers/reseller/<path:object_id>/            LL oooo oon   LL oooo oon
admin/<app_label>/                                    LL >>>> >>>   LL >>>> >>>
admin/<anything else>                                 LL nnnn nnn   LL nnnn nnn
(root)                                                >> >>>> >>>   >> >>>> >>>
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
    pattern = pattern.replace("(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)", "<uid>-<key>")
    return pattern.replace("^", "").replace("/?$", "").replace("$", "") or "(root)"


def _all_patterns() -> list[str]:
    return list(_patterns(get_resolver().url_patterns))


@pytest.fixture
def keys(isp: "Isp", viewer: "Account") -> dict[str, int]:
    """The row to ask for, by the part of the address that says what it is."""
    from ispcore.accounts.models import RolePolicy
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
        "accounts/rolepolicy": RolePolicy.objects.get(role="viewer").pk,
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
    if request.param == "dhaka_operator":  # what a role allows, belonging to a tenant takes away
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
    known |= {"<uid>-<key>": "1-abc-def"}
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
        leads_to_login = response["Location"].startswith(("/admin/login/", "/account/login/?"))
        return "L" if leads_to_login else ">"
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
