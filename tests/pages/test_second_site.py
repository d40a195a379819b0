"""Accounts on a second admin site (name `my`), as tenants' people have one: they never leave it."""

import gc
from collections.abc import Iterator
from types import ModuleType
from typing import TYPE_CHECKING

import pytest
from django.contrib import admin
from django.test import override_settings
from django.urls import clear_url_caches, path

from dashboards.site import PortalSite
from ispcore import urls
from ispcore.accounts.models import Account

if TYPE_CHECKING:
    from django.test import Client

    from tests.pages.conftest import Isp


@pytest.fixture
def my() -> Iterator[str]:
    """The address of a second site with everything of the first."""
    site = PortalSite(name="my")
    for model, found in admin.site._registry.items():
        site.register(model, type(found))
    both = ModuleType("both_sites")
    both.urlpatterns = [path("my/", site.urls), *urls.urlpatterns]  # type: ignore[attr-defined]
    with override_settings(ROOT_URLCONF=both):
        yield "/my/accounts/account/"
    clear_url_caches()
    del site, both
    gc.collect()  # Django counts every site that is still there


def test_an_owner_manages_its_people_there(
    isp: "Isp", my: str, as_dhaka: "Client", reseller_ctg: Account, noc: Account
) -> None:
    theirs = Account.objects.create_user("op", role="operator", tenant=isp.dhaka.tenant)
    html = as_dhaka.get(my).content.decode()
    assert "reseller_ctg" not in html
    assert "/admin/accounts/account" not in html
    page = as_dhaka.get(f"{my}{theirs.pk}/change/").content.decode()
    assert f'href="{my}{theirs.pk}/password/"' in page
    assert "What roles may" not in html
    password = {"password": "quiet-harbour-91", "again": "quiet-harbour-91"}
    done = as_dhaka.post(f"{my}{theirs.pk}/password/", password)
    assert done["Location"] == f"{my}{theirs.pk}/change/"
    for other in (reseller_ctg, noc):
        for what in ("change", "password"):
            assert as_dhaka.get(f"{my}{other.pk}/{what}/").status_code == 404
    for closed in ("matrix/", "objects.json"):
        assert as_dhaka.get(my + closed).status_code == 403


def test_nobody_without_the_right_manages_there(isp: "Isp", my: str, client: "Client") -> None:
    client.force_login(Account.objects.create_user("op", role="operator", tenant=isp.dhaka.tenant))
    for what in ("", "add/", "matrix/"):
        assert client.get(my + what).status_code == 403
