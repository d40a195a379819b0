"""The live pages of /my/: the spots they show, to whom, and when they change."""

import json
from typing import TYPE_CHECKING, Any

import pytest
from django.db import transaction
from django.urls import reverse

from ispcore.accounts.models import Account
from ispcore.live import topics
from ispcore.live.publish import publish
from tests.live.conftest import Live, live, session_of
from tests.look.markup import read
from tests.look.test_markup import _home, _outline

if TYPE_CHECKING:
    from django.test import Client

    from tests.pages.conftest import Isp

__all__ = ["live"]  # a fixture, found by its name
MY = ("my", "my-usage", "my-alerts")


def _key(isp: "Isp", topic: str) -> str:
    return str(isp.dhaka.tenant_id if topic == "my-alerts" else isp.dhaka.pk)


@pytest.mark.parametrize(
    ("name", "topic"),
    [
        *(("index", topic) for topic in MY),
        ("links", "my"),
        ("usage", "my-usage"),
        ("alerts", "my-alerts"),
    ],
)
def test_every_live_spot_is_filled_with_what_the_page_shows(
    isp: "Isp", as_dhaka: "Client", name: str, topic: str
) -> None:
    key = _key(isp, topic)
    page = read(as_dhaka.get(reverse(f"my:{name}")).content.decode())
    shown = [
        each for each in page if "data-live" in each.attributes and _home(each) == (topic, key)
    ]
    assert shown
    served = topics.get(topic)
    assert served is not None
    sent = served.spots(key)
    for element in shown:
        assert _outline(read(sent[element.get("data-live")])) == _outline(element)


@pytest.mark.parametrize("topic", MY)
def test_a_topic_is_for_its_tenants_people_and_staff(
    isp: "Isp", noc: Account, reseller_dhaka: Account, reseller_ctg: Account, topic: str
) -> None:
    served, key = topics.get(topic), _key(isp, topic)
    assert served is not None
    people = (noc, reseller_dhaka, reseller_ctg)
    assert [served.allowed(who, key) for who in people] == [True, True, False]
    ended = Account(username="x", role="client", tenant=isp.dhaka.tenant, is_active=False)
    assert not served.allowed(ended, key)
    for odd in ("", "x", "9" * 30, "999999"):
        assert not served.allowed(reseller_dhaka, odd)
        with pytest.raises(LookupError):
            served.spots(odd)


def test_a_tenant_watches_nothing_that_is_made_for_staff(
    isp: "Isp", reseller_dhaka: Account
) -> None:
    keys = {str(isp.dhaka.pk), str(isp.dhaka.tenant_id), str(isp.edge.pk), ""}
    served = [topic for name, topic in topics._topics.items() if name not in MY]
    assert {"alerts", "overview", "reseller", "reseller-usage", "router"} <= {
        topic.name for topic in served
    }
    assert not any(topic.allowed(reseller_dhaka, key) for topic in served for key in keys)


def test_no_frame_has_a_link_to_the_staff_admin_or_a_name_of_staff(
    isp: "Isp", noc: Account
) -> None:
    from monitoring.operations import alerts

    alerts.acknowledge(isp.over_plan, by=noc, note="between us")
    for name in MY:
        served = topics.get(name)
        assert served is not None
        sent = json.dumps(served.spots(_key(isp, name)))
        assert not [words for words in ("/admin/", "noc", "between us") if words in sent]


@pytest.mark.django_db(transaction=True)
async def test_a_change_for_staff_is_one_for_the_tenant(live: Live, tenant_dhaka: Any) -> None:
    """What is published under the staff's topics wakes those that follow them."""
    from resellers.models import Plan, Reseller

    def prepare() -> tuple[str, str]:
        account = Account.objects.create_user("own", role="client", tenant=tenant_dhaka)
        return session_of(account), str(Reseller.objects.create(tenant=tenant_dhaka).pk)

    session, key = await live.in_database(prepare)
    page = await live.page(session)
    await page.say(subscribe=[["my", key], ["reseller", key], ["my", "999999"]])
    refused = [await page.hear(), await page.hear()]
    assert {"refused": ["reseller", key]} in refused
    assert {"refused": ["my", "999999"]} in refused
    await live.listening()
    assert "No link is mapped to you yet" in (await page.spots())["links"]

    def give_plan() -> None:
        with transaction.atomic():
            plan = Plan.objects.create(name="Small", down_bps=77_000_000, up_bps=7_000_000)
            Reseller.objects.filter(pk=key).update(plan=plan)
            publish("reseller", key)

    await live.in_database(give_plan)
    assert "of 77\u00a0Mbps" in (await page.spots())["now"]
