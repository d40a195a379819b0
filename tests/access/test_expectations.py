"""Every surface of the portal, asked by everybody, against a table written by hand.

The surfaces come from the registries: one that is added without a line in the table fails.
"""

from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test import Client, override_settings

from ispcore.accounts.operations import matrix as operations
from ispcore.accounts.operations.matrix import Change
from ispcore.accounts.roles import Group, May
from ispcore.base.audit import Actor
from monitoring.admin import AlertAdmin
from monitoring.models import Alert
from resellers.models import Reseller
from tests.access import expectations, surfaces
from tests.access.walk import all_surfaces, answer, ask, client_of, differences

if TYPE_CHECKING:
    from tests.access.world import World

PEOPLE, LINES = expectations.read()


def test_every_surface_has_its_line_and_every_line_its_surface(world: "World") -> None:
    there = all_surfaces(world)
    undeclared = [s for s in there if not expectations.lines_for(s, LINES)]
    assert undeclared == [], "write what everybody gets from these into expectations.csv"
    assert [s for s in there if len(expectations.lines_for(s, LINES)) > 1] == []
    used = {id(line) for s in there for line in expectations.lines_for(s, LINES)}
    assert [line.surface for line in LINES if id(line) not in used] == []


def test_the_table_knows_its_words_and_everybody(world: "World") -> None:
    assert {word for line in LINES for word in line.says.values()} <= expectations.WORDS
    assert {*PEOPLE, "inactive"} == world.people.keys()


@pytest.mark.parametrize("persona", [*PEOPLE, "inactive"])
def test_everybody_gets_what_the_table_says(world: "World", persona: str) -> None:
    found = differences(world, persona)
    assert found == {}, "\n".join(
        f"{s.method} {s.name}: {w}, came {c}" for s, (w, c) in found.items()
    )


# ---- the walk notices


@pytest.mark.parametrize(
    ("group", "capability", "persona", "only"),
    [
        (Group.OPERATOR, May.HANDLE_ALERTS, "noc", "alert"),
        (Group.OPERATOR, May.EDIT_ROUTERS, "noc", "routers"),
        (Group.VIEWER, May.EDIT_RESELLERS, "viewer", "resellers"),
        (Group.VIEWER, May.VIEW, "viewer", "api/"),
        (Group.CLIENT, May.EDIT_ACCOUNTS, "dhaka_owner", "my/people"),
        (Group.TENANT_VIEWER, May.VIEW, "machine", "api/"),
        (Group.TENANT_VIEWER, May.HANDLE_ALERTS, "dhaka_viewer", "alert"),
    ],
)
def test_the_walk_notices_one_permission_that_changed(
    world: "World", group: Group, capability: May, persona: str, only: str
) -> None:
    from ispcore.accounts import matrix

    turned = Change(group, capability, not matrix.allows(group, capability))
    operations.change([turned], by=Actor("test"))
    assert differences(world, persona, only) != {}


def test_who_may_not_see_gets_nothing(world: "World") -> None:
    """Whatever else a role is ticked for."""
    operations.change([Change(Group.OPERATOR, May.VIEW, False)], by=Actor("test"))
    operations.change([Change(Group.TENANT_OPERATOR, May.VIEW, False)], by=Actor("test"))
    open_to_all = (
        *("health/", "account/", "api/auth/", "my/logout", "my/profile", "my/password_change"),
        *("admin/log", "admin/password_change", "admin/jsi18n"),
        "admin/search",  # which finds nothing then
    )
    for persona in ("noc", "narrowed", "dhaka_operator"):
        got = ask(world, persona, all_surfaces(world))
        assert not [
            s for s, word in got.items() if word == "allowed" and not s.name.startswith(open_to_all)
        ], persona


def _lets_in(world: "World", persona: str, page: str) -> bool:
    """Somebody is shown what the table forbids; that a page breaks is no such thing."""
    return "allowed" in {came for _, came in differences(world, persona, page).values()}


def test_the_walk_notices_a_scope_that_leads_astray(
    world: "World", monkeypatch: pytest.MonkeyPatch
) -> None:
    has_second_wall = connection.vendor == "postgresql"  # which stands where the first one falls
    page = "api/resellers/<int:pk>"
    assert differences(world, "ctg", page) == {}
    monkeypatch.setattr(Reseller, "tenant_path", "tenant__lte")  # and all tenants before it
    assert _lets_in(world, "ctg", page) != has_second_wall
    page = "my/alerts/<int:pk>/"
    assert differences(world, "ctg", page) == {}
    monkeypatch.setattr(Alert, "tenant_path", "tenant__lte")
    assert _lets_in(world, "ctg", page) != has_second_wall
    page = "resellers/reseller/<int:pk>/"
    assert differences(world, "narrowed", page) == {}
    monkeypatch.setattr(Reseller, "grant_paths", {"routers.router": "mappings__router"})
    assert differences(world, "narrowed", page) != {}


def test_the_walk_notices_an_address_that_is_new(world: "World") -> None:
    with override_settings(ROOT_URLCONF="tests.access.more_urls"):
        new = [s.name for s in all_surfaces(world) if not expectations.lines_for(s, LINES)]
    assert new == ["admin/new/<int:pk>/", "admin/new/<int:pk>/"]


def test_the_walk_notices_an_action_that_is_new(
    world: "World", monkeypatch: pytest.MonkeyPatch
) -> None:
    def silence_all(admin: Any, request: Any, rows: Any) -> None:
        """Never called: an action is declared before it is run."""

    monkeypatch.setattr(AlertAdmin, "actions", [silence_all])
    new = [s.name for s in all_surfaces(world) if not expectations.lines_for(s, LINES)]
    assert "admin monitoring.alert silence_all" in new


# ---- what holds for every address


def test_no_form_is_taken_without_the_token_of_our_page(world: "World") -> None:
    client = Client(enforce_csrf_checks=True)
    account = world.people["super"]
    assert account is not None
    client.force_login(account)
    # 405 before the token is looked at, 404 and redirects: nothing behind these takes a form
    readers = ("health/", "(root)", "<anything else>", "my/login/", "admin/login/")
    # who logs in by JSON, which no form sends, comes with no cookie that a foreign page could use
    open_to_all = ("api/auth/login", "api/auth/refresh", "api/auth/logout")
    for name, _ in surfaces.patterns():
        status = answer(client, "post", world.address(name)).status_code
        wanted = {415} if name in open_to_all else {403, 404, 405}
        assert status in wanted or any(reader in name for reader in readers), name


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_the_api_only_reads(world: "World", method: str) -> None:
    client = client_of(world.people["super"])
    reads = [name for name, view in surfaces.patterns() if surfaces.is_api(view)]
    urls = [world.address(name) for name in reads if not name.startswith("api/auth/")]
    assert {answer(client, method, url).status_code for url in urls} == {403}
