"""Subscribers from a file: planned as a whole, made in units that are whole."""

from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command

from ispcore.accounts.models import Account, Tenant
from ispcore.base.models import AuditEntry
from ispcore.base.unit_of_work import steps
from radius.models import Check, Reply
from subscribers.models import Package, StatusChange, Subscriber
from subscribers.operations import imports, packages, periods
from subscribers.operations.strangers import MadeByHand
from subscribers.operations.units import NotYours
from tests.subscribers.conftest import BY, NOON, Clock, a_package, by_hand, checks, groups, made

HEAD = "username,package,password,ipv4,mac,expires\n"


def planned(tenant: Tenant, text: str) -> imports.Plan:
    return imports.plan(tenant, text.splitlines(keepends=True))


def faults(tenant: Tenant, text: str) -> list[tuple[int, str]]:
    return [(fault.line, fault.words) for fault in planned(tenant, text).faults]


def test_a_plan_changes_nothing_and_its_application_all(noon: Clock, home: Package) -> None:
    text = f"{HEAD}Rahim,Home 20,let-me-in,,aabb.cc00.1122,2026-12-31\nkarim,Home 20,,10.1.1.1,,\n"
    plan = planned(home.tenant, text)
    assert (len(plan.fresh), plan.made_up, plan.present, plan.faults) == (2, 1, [], [])
    assert not Subscriber.objects.exists()
    assert list(imports.apply(plan, by=BY)) == [2]
    rahim, karim = Subscriber.objects.order_by("account_number")
    assert rahim.account_number.endswith("-000001")
    assert rahim.expires_at == NOON.replace(year=2027, month=1, day=1, hour=0)
    assert karim.expires_at == NOON.replace(month=4)
    assert checks("Rahim")["Cleartext-Password"] == "let-me-in"
    assert checks("Rahim")["Calling-Station-Id"] == "AA:BB:CC:00:11:22"
    assert checks("karim")["Cleartext-Password"] == karim.radius_password
    assert groups("karim") == [f"pkg-{home.pk}"]
    assert Reply.objects.get(username="karim").value == "10.1.1.1"
    batch = AuditEntry.objects.filter(action="create", object_kind="subscribers.subscriber")
    assert [entry.members for entry in batch.order_by("pk")] == [2, 0, 0]
    assert "let-me-in" not in str(list(batch.values()))


def test_who_has_run_out_already_is_expired_at_once(noon: Clock, home: Package) -> None:
    text = f"{HEAD}rahim,Home 20,let-me-in,,,2026-03-01\nkarim,Home 20,let-me-in,,,2026-03-02\n"
    plan = planned(home.tenant, text)
    assert (len(plan.fresh), plan.expired) == (2, 1)
    assert list(imports.apply(plan, by=BY)) == [2]
    rahim, karim = Subscriber.objects.order_by("account_number")
    assert (rahim.status, karim.status) == ("expired", "active")
    assert checks("rahim")["Auth-Type"] == "Reject"
    assert checks("rahim")["ISPCore-Reason"] == "expired"
    assert "Auth-Type" not in checks("karim")
    history = [(each.subscriber, each.new, each.by) for each in StatusChange.objects.all()]
    assert history == [(rahim, "expired", "noc")]
    assert periods.renew(rahim, by=BY).status == "active"


def test_the_same_file_again_makes_nobody_twice(home: Package) -> None:
    made(home, "RAHIM")
    text = f"{HEAD}rahim,Home 20,let-me-in,,,\nkarim,Home 20,let-me-in,,,\n"
    plan = planned(home.tenant, text)
    assert plan.present == ["rahim"]
    assert list(imports.apply(plan, by=BY)) == [1]
    assert planned(home.tenant, text).fresh == []


def test_who_was_made_by_hand_is_taken_over_where_that_is_said(home: Package) -> None:
    """An adopted database: its names, in any form, are faults, or are the portal's from then on."""
    by_hand("RAHIM")
    text = f"{HEAD}rahim,Home 20,let-me-in,,,\nkarim,Home 20,let-me-in,,,\n"
    [(line, said)] = faults(home.tenant, text)
    assert (line, said) == (
        2,
        "RADIUS already has 2 rows for “rahim” that were made by hand: Cleartext-Password, group.",
    )
    plan = planned(home.tenant, text)
    plan.faults.clear()  # made by hand after the plan
    with pytest.raises(MadeByHand):
        list(imports.apply(plan, by=BY))
    assert (checks("RAHIM"), groups("RAHIM")) == ({"Cleartext-Password": "his"}, ["vip"])
    plan = imports.plan(home.tenant, text.splitlines(keepends=True), take_over=True)
    assert (plan.by_hand, list(imports.apply(plan, by=BY))) == (1, [2])
    assert checks("rahim")["Cleartext-Password"] == "let-me-in"
    assert groups("rahim") == [f"pkg-{home.pk}"]
    entries = AuditEntry.objects.filter(object_name__in=["rahim", "karim"])
    noted = {each.object_name: each.new.get("replaced_in_radius") for each in entries}
    assert noted == {"rahim": "Cleartext-Password, group", "karim": None}
    assert "his" not in str(list(entries.values("old", "new")))


def test_each_fault_is_told_with_its_line(home: Package, tenant_ctg: Tenant) -> None:
    made(packages.create(a_package(tenant_ctg), by=BY), "taken", ipv4="10.1.1.9")
    text = HEAD + "\n".join(
        [
            "rahim,Home 20,let-me-in,10.1.1.1,,",
            "RAHIM,Home 20,let-me-in,,,",
            "karim,Home 99,let-me-in,,,",
            "jamil,Home 20,abc,,,",
            "kamal,Home 20,let-me-in,10.1.1.1,,",
            "Taken,Home 20,let-me-in,,,",
            "salam,Home 20,let-me-in,10.1.1.9,,",
            "short,Home 20",
            "habib,Home 20,let-me-in,,,tomorrow",
            "faruk,Home 20,let-me-in,,nonsense,",
            "রফিক,Home 20,let-me-in,,,",
            "nader,Home 20,let-me-in,127.0.0.1,,",
        ]
    )
    found = dict(faults(home.tenant, text))
    wanted = {
        3: "rahim stands in line 2 already",
        4: "no package “Home 99”",
        5: "RADIUS password: A RADIUS password has 4 to 128",
        6: "10.1.1.1 stands in line 2 already",
        7: "“Taken” is taken",
        8: "10.1.1.9 is the address of another subscriber",
        9: "not as many cells",
        10: "“tomorrow” is no date",
        11: "MAC address: Write a MAC address",
        12: "A username has letters from A to Z",
        13: "Static IPv4 address: 127.0.0.1 is no address",
    }
    assert list(found) == list(wanted), "in the order of the file"
    for line, words in wanted.items():
        assert words in found[line], found[line]
    with pytest.raises(imports.TooManyFaults, match="Nothing was changed"):
        list(imports.apply(planned(home.tenant, text), by=BY))


def test_a_head_that_is_none_is_refused(home: Package) -> None:
    assert faults(home.tenant, "") == [(1, "There is no column username or package.")]
    ((line, words),) = faults(home.tenant, "username,package,speed\nx,Home 20,1\n")
    assert line == 1
    assert words.startswith("Unknown column: speed")
    wide = ",".join(f"{number}{'x' * 1000}" for number in range(1000))
    ((_, words),) = faults(home.tenant, f"username,package,{wide}\n")
    assert len(words) < 500


def test_a_unit_that_fails_leaves_those_before_it_and_nothing_of_itself(
    home: Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "PIECE", 2)
    rows = "".join(f"user{number},Home 20,let-me-in,,,\n" for number in range(5))
    units = imports.apply(planned(home.tenant, HEAD + rows), by=BY)
    assert next(units) == 2
    steps.stop_at("fail:projected")
    try:
        with pytest.raises(steps.Stopped):
            next(units)
    finally:
        steps.stop_at("")
    assert Subscriber.objects.count() == 2
    assert Check.objects.filter(attribute="Cleartext-Password").count() == 2
    rest = planned(home.tenant, HEAD + rows)
    assert list(imports.apply(rest, by=BY)) == [2, 1]
    numbers = Subscriber.objects.order_by("account_number").values_list("account_number", flat=True)
    assert [number[-1] for number in numbers] == ["1", "2", "3", "4", "5"]


def test_a_viewer_may_not_import(home: Package, viewer: Account) -> None:
    plan = planned(home.tenant, f"{HEAD}rahim,Home 20,let-me-in,,,\n")
    with pytest.raises(NotYours):
        list(imports.apply(plan, by=viewer.actor))


def test_the_command_plans_and_applies(home: Package, tmp_path: Path, capsys: Any) -> None:
    file = tmp_path / "lines.csv"
    file.write_text(f"\ufeff{HEAD}rahim,Home 20,let-me-in,,,\n", encoding="utf-8")
    call_command("import_subscribers", "Dhaka Fibre", str(file))
    assert "1 to make; 0 there already\nnothing was changed" in capsys.readouterr().out
    call_command("import_subscribers", "Dhaka Fibre", str(file), apply=True)
    assert "1 of 1 made" in capsys.readouterr().out
    file.write_text(f"{HEAD}karim,No such,let-me-in,,,\n", encoding="utf-8")
    with pytest.raises(CommandError, match="1 faults"):
        call_command("import_subscribers", "Dhaka Fibre", str(file), apply=True)
    assert "line 2: Package: Dhaka Fibre has no package" in capsys.readouterr().err
    by_hand("karim")
    file.write_text(f"{HEAD}karim,Home 20,let-me-in,,,\nsalam,No such,let-me-in,,,\n")
    words = ("import_subscribers", "Dhaka Fibre", str(file))
    with pytest.raises(CommandError, match=r"^2 faults\. --take-over replaces what"):
        call_command(*words)
    with pytest.raises(CommandError, match=r"^1 faults\. Nothing"):
        call_command(*words, take_over=True)
    with pytest.raises(CommandError, match="No such file"):
        call_command("import_subscribers", "Dhaka Fibre", str(tmp_path / "none.csv"))


@pytest.mark.parametrize("text", [f"{'x' * 200_000},Home 20,let-me-in,,,\n", f"{'x' * 200_000}"])
@pytest.mark.parametrize("head", [HEAD, ""])
def test_what_the_csv_module_refuses_is_a_fault(home: Package, head: str, text: str) -> None:
    ((_, words),) = faults(home.tenant, head + text)
    assert "field larger than field limit" in words


def test_a_file_of_too_many_lines_is_refused_after_so_many(
    home: Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "MOST_LINES", 3)
    found = faults(home.tenant, HEAD + "x\n" * 1_000)
    assert [line for line, _ in found] == [2, 3, 4, 5]
    assert found[-1][1] == "A file has at most 3 lines: cut it into several."


def test_a_nul_is_shown_as_what_cannot_be_shown(home: Package) -> None:
    plan = planned(home.tenant, "username,package,notes\nrahim,Home 20,a\0b\n")
    assert list(imports.apply(plan, by=BY)) == [1]
    assert Subscriber.objects.get().notes == "a\ufffdb"


def test_a_package_that_changed_since_the_plan_is_asked_again(home: Package) -> None:
    plan = planned(home.tenant, f"{HEAD}rahim,Home 20,let-me-in,10.1.1.1,,\n")
    packages.edit(home, changes={"ipv4_networks": "10.2.0.0/16"}, by=BY)
    with pytest.raises(ValidationError, match="lies outside the addresses of Home 20"):
        list(imports.apply(plan, by=BY))
    assert not Subscriber.objects.exists()
