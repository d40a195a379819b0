"""Who of the staff may do what, by role. A tenant's people: tests/my."""

from typing import TYPE_CHECKING

import pytest
from django.urls import reverse

from monitoring.models import Alert

if TYPE_CHECKING:
    from django.test import Client

    from tests.pages.conftest import Isp


def _url(name: str, pk: int | None = None) -> str:
    return reverse(f"admin:{name}", args=[] if pk is None else [pk])


def test_a_stranger_is_sent_to_the_login(client: "Client", isp: "Isp") -> None:
    response = client.get(_url("resellers_reseller_page", isp.dhaka.pk))
    assert response.status_code == 302
    assert "/account/login/" in response["Location"]


def test_a_viewer_sees_everything(isp: "Isp", as_viewer: "Client") -> None:
    urls = [
        _url("index"),
        _url("resellers_reseller_page", isp.dhaka.pk),
        _url("routers_router_page", isp.edge.pk),
        _url("monitoring_alert_changelist"),
        _url("base_auditentry_changelist"),
    ]
    assert {as_viewer.get(url).status_code for url in urls} == {200}


def test_a_viewers_buttons_are_refused_by_the_server(isp: "Isp", as_viewer: "Client") -> None:
    posts = [
        *(
            _url(f"monitoring_alert_{verb}", isp.over_plan.pk)
            for verb in ("acknowledge", "resolve", "note")
        ),
        _url("monitoring_alert_acknowledge_many"),
        *(_url(f"routers_router_{verb}", isp.edge.pk) for verb in ("test", "discover", "poll")),
        _url("routers_router_change", isp.edge.pk),
        _url("routers_router_add"),
        _url("routers_router_delete", isp.silent.pk),
        _url("resellers_reseller_change", isp.dhaka.pk),
        _url("resellers_reseller_plan", isp.dhaka.pk),
        _url("resellers_reseller_thresholds", isp.dhaka.pk),
        _url("resellers_plan_add"),
        _url("resellers_mapping_add"),
        _url("resellers_mapping_end", isp.dhaka_mapping.pk),
        _url("monitoring_rule_change", 1),
    ]
    answers = {url: as_viewer.post(url, {"pk": isp.over_plan.pk}).status_code for url in posts}
    assert answers == dict.fromkeys(posts, 403)


def test_a_viewers_pages_have_no_body_class_that_shows_buttons(
    isp: "Isp", as_viewer: "Client", as_noc: "Client"
) -> None:
    assert "may-handle-alerts" not in as_viewer.get(_url("index")).content.decode()
    assert "may-handle-alerts" in as_noc.get(_url("index")).content.decode()


def test_an_operator_may_not_edit_routers(isp: "Isp", as_noc: "Client") -> None:
    assert as_noc.post(_url("routers_router_change", isp.edge.pk)).status_code == 403
    form = as_noc.get(_url("routers_router_change", isp.edge.pk))
    assert form["Location"] == _url("routers_router_page", isp.edge.pk)


@pytest.mark.parametrize("verb", ["acknowledge", "resolve", "note"])
def test_a_link_cannot_press_a_button(isp: "Isp", as_noc: "Client", verb: str) -> None:
    assert as_noc.get(_url(f"monitoring_alert_{verb}", isp.over_plan.pk)).status_code == 405


def test_a_button_without_the_pages_token_is_refused(isp: "Isp", noc: object) -> None:
    from django.test import Client

    strict = Client(enforce_csrf_checks=True)
    strict.force_login(noc)  # type: ignore[arg-type]
    response = strict.post(_url("monitoring_alert_acknowledge", isp.over_plan.pk))
    assert response.status_code == 403
    assert Alert.objects.get(pk=isp.over_plan.pk).state == "open"


def test_an_account_that_was_ended_is_out_at_once(
    isp: "Isp", as_noc: "Client", noc: object
) -> None:
    noc.is_active = False  # type: ignore[attr-defined]
    noc.save()  # type: ignore[attr-defined]
    assert "/account/login/" in as_noc.get(_url("index"))["Location"]


def test_a_tenant_logs_in_by_the_form(isp: "Isp", client: "Client", reseller_dhaka: object) -> None:
    form = {"login": "reseller_dhaka", "password": "reseller_dhaka-password"}
    login = client.get(_url("index"), follow=True).redirect_chain[-1][0]
    response = client.post(login, form, follow=True)
    assert response.redirect_chain[-1][0] == reverse("my:index")
    assert response.status_code == 200


def test_next_never_leads_to_another_site(isp: "Isp", as_noc: "Client") -> None:
    url = _url("monitoring_alert_note", isp.over_plan.pk)
    response = as_noc.post(url, {"note": "seen", "next": "https://elsewhere.example/"})
    assert response["Location"] == _url("monitoring_alert_page", isp.over_plan.pk)
