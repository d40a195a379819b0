"""The permission matrix in the admin, and the field by which an account is narrowed."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse

from ispcore.accounts.models import Account, RolePermission
from ispcore.accounts.roles import TENANT_MOST, May
from ispcore.base.models import AuditEntry

if TYPE_CHECKING:
    from django.test import Client

    from tests.pages.conftest import Isp

pytestmark = pytest.mark.one_database

MATRIX = "/admin/accounts/account/matrix/"


@pytest.fixture
def as_super(super_user: Account, client_for: "Callable[[Account], Client]") -> "Client":
    return client_for(super_user)


def boxes(html: str) -> dict[str, bool]:
    """The ticks of the table, by name."""
    found = re.findall(r'<input type="checkbox" name="([a-z_.]+)"( checked)?>', html)
    return {name: bool(checked) for name, checked in found}


def _said(response: Any) -> str:
    return " ".join(str(message) for message in response.context["messages"])


def ticked(client: "Client", **turned: bool) -> dict[str, str]:
    """What the form sends, with these boxes (a dot is written __) turned."""
    now = boxes(client.get(MATRIX).content.decode())
    now |= {name.replace("__", "."): on for name, on in turned.items()}
    return {name: "on" for name, on in now.items() if on}


def test_the_table_has_a_box_for_each_cell_that_may_change(as_super: "Client") -> None:
    html = as_super.get(MATRIX).content.decode()
    found = boxes(html)
    assert found["operator.edit_resellers"]
    assert not found["viewer.handle_alerts"]
    assert not {"admin.view", "admin.edit_accounts", "client.edit_routers"} & found.keys()
    assert len(found) == 6 * len(May) - 2 - 3 * len(set(May) - TENANT_MOST)
    assert html.count("always") == len(May) + 2
    labels = re.findall(r'<span class="visually-hidden">([^<]+)</span></label>', html)
    assert len(set(labels)) == len(found)
    assert "Tenant&#x27;s operator: alerts, acknowledge and note" in labels


def test_what_changes_is_named_first_and_then_done(as_super: "Client", viewer: Account) -> None:
    sent = ticked(as_super, viewer__handle_alerts=True, operator__check_routers=False)
    page = as_super.post(MATRIX, sent)
    html = page.content.decode()
    assert "Acknowledge" in html or "acknowledge and note" in html
    assert not viewer.may(May.HANDLE_ALERTS)
    assert not AuditEntry.objects.exists()
    values = re.findall(r'name="change" value="([a-z_.]+)"', html)
    assert set(values) == {"operator.check_routers.no", "viewer.handle_alerts.yes"}
    done = as_super.post(MATRIX, {"confirm": "yes", "change": values}, follow=True)
    assert "2 permissions are changed" in _said(done)
    assert viewer.may(May.HANDLE_ALERTS)
    assert AuditEntry.objects.filter(action="change permission", actor="super").count() == 2
    assert boxes(done.content.decode())["viewer.handle_alerts"]


def test_saving_without_a_change_says_so(as_super: "Client") -> None:
    answer = as_super.post(MATRIX, ticked(as_super), follow=True)
    assert "Nothing is different" in _said(answer)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("admin.edit_accounts.no", "Administrators keep"),
        ("client.edit_routers.yes", "never have"),
        ("super_user.view.no", "no such role"),
        ("viewer.fly.yes", "no such role or permission"),
        ("viewer.view.perhaps", "no change of a permission"),
        ("viewer.view.yes", "changed by somebody else"),
    ],
)
def test_a_confirmation_that_the_page_never_sent_is_refused(
    as_super: "Client", value: str, words: str
) -> None:
    before = list(RolePermission.objects.values_list("pk", "is_allowed"))
    answer = as_super.post(MATRIX, {"confirm": "yes", "change": [value]}, follow=True)
    assert words in _said(answer)
    assert "othing was changed" in _said(answer)
    assert list(RolePermission.objects.values_list("pk", "is_allowed")) == before


def test_an_administrator_sees_it_and_changes_nothing(as_admin: "Client") -> None:
    html = as_admin.get(MATRIX).content.decode()
    assert boxes(html) == {}
    assert 'value="Save"' not in html
    for sent in ({}, {"confirm": "yes", "change": ["viewer.handle_alerts.yes"]}):
        assert as_admin.post(MATRIX, sent).status_code == 403


def test_the_list_of_accounts_leads_to_it(as_admin: "Client") -> None:
    url = reverse("admin:accounts_account_changelist")
    assert f'href="{MATRIX}"' in as_admin.get(url).content.decode()


def test_a_right_that_is_taken_closes_its_pages_at_once(
    as_super: "Client", as_noc: "Client", isp: "Isp"
) -> None:
    url = reverse("admin:resellers_reseller_plan", args=[isp.dhaka.pk])
    assert as_noc.get(url).status_code == 200
    as_super.post(MATRIX, {"confirm": "yes", "change": ["operator.edit_resellers.no"]})
    assert as_noc.get(url).status_code == 403
    assert "may-edit-resellers" not in as_noc.get(reverse("admin:index")).content.decode()


# ---- chosen objects


def _form(account: Account, **values: Any) -> dict[str, Any]:
    kept = {"username": account.username, "name": "", "email": "", "role": account.role}
    return kept | {"tenant": account.tenant_id or "", "is_active": "on"} | values


def test_an_account_is_narrowed_on_its_page(as_admin: "Client", noc: Account, isp: "Isp") -> None:
    url = reverse("admin:accounts_account_change", args=[noc.pk])
    assert "data-ajax--url" in as_admin.get(url).content.decode()
    as_admin.post(url, _form(noc, grants=[f"routers.router:{isp.edge.pk}"]))
    noc.refresh_from_db()
    assert noc.is_narrowed
    html = as_admin.get(url).content.decode()
    assert f'<option value="routers.router:{isp.edge.pk}" selected>router dhk-edge-01' in html
    as_admin.post(url, _form(noc))
    noc.refresh_from_db()
    assert not noc.is_narrowed


def test_a_fault_shows_the_form_with_what_was_chosen(
    as_admin: "Client", noc: Account, isp: "Isp"
) -> None:
    url = reverse("admin:accounts_account_change", args=[noc.pk])
    chosen = [f"routers.router:{isp.edge.pk}"]
    html = as_admin.post(url, _form(noc, grants=chosen, username="")).content.decode()
    assert f'value="{chosen[0]}" selected>router dhk-edge-01' in html
    gone = as_admin.post(url, _form(noc, grants=["routers.router:99999"])).content.decode()
    assert "An object to be granted is not there" in gone
    noc.refresh_from_db()
    assert not noc.is_narrowed


def test_objects_are_found_by_what_their_lists_search(as_admin: "Client", isp: "Isp") -> None:
    url = reverse("admin:accounts_account_objects")
    found = as_admin.get(url, {"term": "dhk"}).json()["results"]
    assert found == [{"id": f"routers.router:{isp.edge.pk}", "text": "router dhk-edge-01"}]
    texts = [each["text"] for each in as_admin.get(url).json()["results"]]
    assert {"reseller Dhaka Fibre", "router ctg-edge-01"} <= set(texts)


def test_an_administrators_page_has_no_such_field(
    as_super: "Client", admin_account: Account, super_user: Account
) -> None:
    for account in (admin_account, super_user):
        url = reverse("admin:accounts_account_change", args=[account.pk])
        assert "data-ajax--url" not in as_super.get(url).content.decode()


# ---- who is narrowed


def test_who_is_narrowed_starts_with_their_alerts(
    as_noc: "Client", noc: Account, isp: "Isp"
) -> None:
    Account.objects.filter(pk=noc.pk).update(is_narrowed=True)
    console = reverse("admin:monitoring_alert_changelist")
    assert as_noc.get(reverse("admin:index"))["Location"] == console
    page = as_noc.get(console)
    assert page.context["open_alerts"] == 0
    assert f'data-key="account-{noc.pk}"' in page.content.decode()
    assert "Overview" not in str(
        [m["name"] for a in page.context["available_apps"] for m in a["models"]]
    )


def test_a_list_of_a_narrowed_account_costs_no_more_queries(
    as_noc: "Client", noc: Account, isp: "Isp", django_assert_max_num_queries: Any
) -> None:
    from ispcore.accounts.operations import grants
    from ispcore.base.audit import Actor
    from tests.pages.test_query_budgets import budgets

    grants.replace(noc, [("routers.router", isp.edge.pk)], by=Actor("test"))
    for url in ("/admin/routers/router/", "/admin/resellers/mapping/", "/api/alerts"):
        as_noc.get(url)
        with django_assert_max_num_queries(budgets()[url.removeprefix("/")]):
            assert as_noc.get(url).status_code == 200
