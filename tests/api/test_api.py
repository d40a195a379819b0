"""The API: scoped, paged, units in the names, and refusals that name the parameter."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import NOON
from tests.pages.conftest import Isp

if TYPE_CHECKING:
    from django.test import Client


def _get(client: "Client", url: str, **parameters: str) -> tuple[int, Any]:
    response = client.get(url, parameters)
    return response.status_code, response.json()


@pytest.mark.parametrize(
    "path", ["/api/resellers", "/api/resellers/", "/api/alerts", "/api/alerts/"]
)
def test_lists_answer_with_and_without_the_slash(
    isp: Isp,
    as_noc: "Client",
    path: str,
) -> None:
    status, answer = _get(as_noc, path)
    assert (status, answer["count"]) == (200, 2)


def test_a_stranger_gets_nothing(isp: Isp, client: "Client") -> None:
    for path in ("/api/resellers", f"/api/resellers/{isp.dhaka.pk}/usage", "/api/alerts"):
        response = client.get(path)
        assert response.status_code == 401
        assert response["WWW-Authenticate"] == 'Bearer realm="api"'


def test_another_tenants_rows_do_not_exist(isp: Isp, as_ctg: "Client") -> None:
    pk = isp.dhaka.pk
    paths = [
        f"/api/resellers/{pk}",
        f"/api/resellers/{pk}/usage",
        f"/api/alerts/{isp.over_plan.pk}",
    ]
    assert [_get(as_ctg, path)[0] for path in paths] == [404, 404, 404]
    assert [row["name"] for row in _get(as_ctg, "/api/resellers")[1]["results"]] == [
        "Chattogram Net"
    ]
    assert _get(as_ctg, "/api/alerts")[1]["count"] == 0


def test_a_tenant_reads_its_own(isp: Isp, as_dhaka: "Client") -> None:
    status, reseller = _get(as_dhaka, f"/api/resellers/{isp.dhaka.pk}")
    assert status == 200
    assert reseller["current"]["down_bps"] == 540_000_000
    assert reseller["plan"]["down_bps"] == 500_000_000
    assert [row["vlan_id"] for row in reseller["mappings"]] == [312]


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nothing_is_written(isp: Isp, as_noc: "Client", method: str) -> None:
    for path in ("/api/resellers", f"/api/resellers/{isp.dhaka.pk}", "/api/alerts"):
        assert getattr(as_noc, method)(path).status_code in {403, 405}


def test_notes_and_secrets_stay_in(isp: Isp, as_noc: "Client") -> None:
    type(isp.dhaka).objects.update(notes="pays late")
    text = str(_get(as_noc, f"/api/resellers/{isp.dhaka.pk}")[1])
    assert "pays late" not in text
    assert "s3cret" not in text


def test_alerts_are_filtered(isp: Isp, as_noc: "Client", noc: Any) -> None:
    from monitoring.operations import alerts

    alerts.acknowledge(isp.away, by=noc)
    answer = _get(as_noc, "/api/alerts", state="acknowledged")[1]["results"]
    assert [(row["subject"], row["acknowledged_by"]) for row in answer] == [("ctg-edge-01", "noc")]
    assert _get(as_noc, "/api/alerts", severity="low")[1]["count"] == 0


@pytest.mark.parametrize(
    ("path", "parameter", "value"),
    [
        ("/api/alerts", "state", "loud"),
        ("/api/alerts", "severity", "1"),
        ("/api/alerts", "stat", "open"),
        ("/api/resellers", "status", "gone"),
        ("/api/resellers/{pk}/usage", "resolution", "minute"),
        ("/api/resellers/{pk}/usage", "from", "yesterday"),
        ("/api/resellers/{pk}/usage", "from", "2026-03-01T00:00:00"),
        ("/api/resellers/{pk}/usage", "from", "2026-02-30T00:00:00Z"),
        ("/api/resellers/{pk}/usage", "from", "0001-01-01T00:00:00+14:00"),
        ("/api/resellers/{pk}/usage", "from", "2027-01-01T00:00:00Z"),
        ("/api/resellers/{pk}/usage", "from", "2020-01-01T00:00:00Z"),
        ("/api/resellers/{pk}/usage", "too", "2026-03-01T00:00:00Z"),
    ],
)
def test_a_refusal_names_its_parameter(
    isp: Isp,
    as_noc: "Client",
    path: str,
    parameter: str,
    value: str,
) -> None:
    status, answer = _get(as_noc, path.format(pk=isp.dhaka.pk), **{parameter: value})
    assert status == 400
    assert list(answer) == [parameter]


def test_usage_has_a_row_per_five_minutes_and_null_in_the_gap(
    isp: Isp,
    as_noc: "Client",
) -> None:
    _, answer = _get(as_noc, f"/api/resellers/{isp.dhaka.pk}/usage")
    assert (len(answer["samples"]), answer["resolution_s"]) == (288, 300)
    missing = [row for row in answer["samples"] if row["down_bps"] is None]
    assert len(missing) == 15
    assert {row["complete_percent"] for row in missing} == {0}


def test_hours_and_days_add_up_to_the_samples(isp: Isp, as_noc: "Client") -> None:
    url = f"/api/resellers/{isp.dhaka.pk}/usage"
    span = {"from": "2026-03-01T00:00:00+00:00", "to": "2026-03-02T00:00:00Z"}
    five = _get(as_noc, url, **span)[1]["samples"]
    hours = _get(as_noc, url, resolution="hour", **span)[1]["samples"]
    days = _get(as_noc, url, resolution="day", **span)[1]["samples"]
    assert (len(five), len(hours), len(days)) == (288, 24, 1)
    mean = sum(row["down_bps"] for row in five) / 288
    assert days[0]["down_bps"] == pytest.approx(mean, rel=1e-6)
    assert sum(row["down_bps"] for row in hours) / 24 == pytest.approx(mean, rel=1e-6)
    assert datetime.fromisoformat(days[0]["at"]) == datetime(2026, 3, 1, tzinfo=UTC)


def test_an_hour_with_a_gap_is_the_mean_of_what_was_seen(
    isp: Isp,
    as_noc: "Client",
) -> None:
    start = NOON - timedelta(hours=8)
    span = {"from": start.isoformat(), "to": (start + timedelta(hours=1)).isoformat()}
    url = f"/api/resellers/{isp.dhaka.pk}/usage"
    hour = _get(as_noc, url, resolution="hour", **span)[1]["samples"][0]
    assert hour["complete_percent"] == 75.0
    assert hour["down_bps"] > 400_000_000


def test_lists_are_paged(isp: Isp, as_noc: "Client") -> None:
    first = _get(as_noc, "/api/resellers", page_size="1")[1]
    assert (first["count"], len(first["results"])) == (2, 1)
    second = as_noc.get(first["next"]).json()
    assert second["results"][0]["id"] != first["results"][0]["id"]
    assert _get(as_noc, "/api/resellers", page="99")[0] == 404
