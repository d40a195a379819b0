"""The mapping's form in a browser: the VLAN that is suggested is filled in for somebody to check."""

from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse
from selenium.webdriver.support import expected_conditions
from selenium.webdriver.support.ui import Select, WebDriverWait

from resellers.forms import MOST_OFFERED
from routers.models import Interface
from tests.conftest import NOON
from tests.look.page_server import served

if TYPE_CHECKING:
    from django.test import Client
    from selenium.webdriver import Chrome

    from tests.pages.conftest import Isp


@pytest.fixture
def page(isp: "Isp", as_admin: "Client") -> str:
    """The form as the portal makes it: one interface with a VLAN by its name, one without."""
    Interface.objects.filter(name="ether1").update(name="Gi0/0/1.310", vlan_by_name=310)
    return as_admin.get(reverse("admin:resellers_mapping_add")).content.decode()


def test_a_suggested_vlan_is_filled_in_and_what_was_typed_stays(
    page: str, one_browser: "Chrome"
) -> None:
    with served(page) as server:
        one_browser.get(server.url)
        choice = Select(one_browser.find_element("id", "id_interface"))
        box: Any = one_browser.find_element("id", "id_vlan_id")
        words = {option.text for option in choice.options}
        suggested = next(each for each in words if each.startswith("Gi0/0/1.310 · VLAN 310 by its"))
        plain = next(each for each in words if each.startswith("<b>x</b>"))
        filled = []
        for text in (suggested, plain, suggested):
            choice.select_by_visible_text(text)
            filled.append(box.get_property("value"))
        assert filled == ["310", "", "310"]
        box.clear()
        box.send_keys("99")
        choice.select_by_visible_text(plain)
        choice.select_by_visible_text(suggested)
        assert box.get_property("value") == "99"


def test_the_choice_of_a_router_opens_the_form_with_its_interfaces(
    isp: "Isp", as_admin: "Client", one_browser: "Chrome"
) -> None:
    Interface.objects.bulk_create(
        Interface(
            router=isp.silent, name=f"more-{n}", index=n, first_seen_at=NOON, last_seen_at=NOON
        )
        for n in range(MOST_OFFERED + 1)
    )
    form = reverse("admin:resellers_mapping_add")
    with served(as_admin.get(form, {"reseller": isp.ctg.pk}).content.decode()) as server:
        one_browser.get(server.url)
        Select(one_browser.find_element("id", "id_router")).select_by_visible_text(isp.silent.name)
        asked = f"router={isp.silent.pk}&reseller={isp.ctg.pk}"
        WebDriverWait(one_browser, 10).until(expected_conditions.url_contains(asked))
