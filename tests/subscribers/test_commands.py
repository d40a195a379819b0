"""The commands say what they did, and what was refused, by exit code too."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.hashers import check_password
from django.core.management import CommandError, call_command, load_command_class

from ispcore.accounts.models import Tenant
from ispcore.base.models import AuditEntry
from ispcore.base.unit_of_work import BeingDecided
from radius.models import Check
from subscribers.forms import PackageForm
from subscribers.management.choosing import PASSWORD, refusals
from subscribers.models import Package, Subscriber
from subscribers.operations import packages
from tests.subscribers.conftest import (
    BY,
    Clock,
    a_package,
    by_hand,
    checks,
    group_rows,
    groups,
    made,
    replies,
)

Call = Callable[..., str]
RATE = "20\u00a0Mbps down, 10\u00a0Mbps up"


@pytest.fixture
def call(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> Call:
    """call("suspend_subscriber", "rahim") is what the command wrote."""
    monkeypatch.delenv(PASSWORD, raising=False)

    def run(*words: str, **options: Any) -> str:
        call_command(*words, **options)
        return str(capsys.readouterr().out)

    return run


def test_a_date_is_the_last_day_and_a_time_is_taken_as_it_is(
    noon: Clock, home: Package, call: Call
) -> None:
    said = call(
        "create_subscriber", "Dhaka Fibre", "rahim", package="Home 20", expires="2026-03-02"
    )
    assert "until 2026-03-03 00:00" in said
    said = call("renew_subscriber", "rahim", until="2026-03-20T18:00")
    assert said == "rahim: active, until 2026-03-20 18:00\n"


def test_an_end_is_lifted(noon: Clock, rahim: Subscriber, call: Call) -> None:
    call("renew_subscriber", "rahim", until="2026-03-01")
    assert call("renew_subscriber", "rahim", no_end=True) == "rahim: active, without end\n"


def test_the_way_of_a_subscriber(noon: Clock, home: Package, call: Call) -> None:
    packages.create(a_package(home.tenant, "Home 80"), by=BY)
    said = call("create_subscriber", "Dhaka Fibre", "rahim", package="Home 20", ipv4="10.1.1.1")
    first, second = said.splitlines()
    assert first == f"rahim: account number T{home.tenant_id}-000001, until 2026-04-02 12:00"
    assert second == f"rahim: password {checks('rahim')['Cleartext-Password']}"
    assert call("suspend_subscriber", "RAHIM", reason="not paid") == "rahim: suspended\n"
    assert checks("rahim")["Auth-Type"] == "Reject"
    assert call("disable_subscriber", "rahim") == "rahim: disabled\n"
    said = call("resume_subscriber", "rahim")
    assert said == "rahim: active, until 2026-04-02 12:00\n"
    said = call("renew_subscriber", "rahim", periods=2)
    assert said == "rahim: active, until 2026-06-02 12:00\n"
    said = call("renew_subscriber", "rahim", until="2026-03-01")
    assert said == "rahim: expired, until 2026-03-02 00:00\n"
    said = call("change_package", "rahim", "Home 80")
    assert said == f"rahim: Home 80 from now on ({RATE}); valid until: stays 1 Mar 2026\n"
    assert groups("rahim") == [f"pkg-{Package.objects.get(name='Home 80').pk}"]
    assert "at" not in call("change_package", "rahim", "Home 20", next_period=True).split()
    assert call("bind_mac", "rahim", "aabb.cc00.1122", reason="cloned").endswith(
        "from AA:BB:CC:00:11:22 only\n"
    )
    assert call("bind_mac", "rahim", reason="a new one") == "rahim: logs in from any device\n"
    said = call("change_subscriber_password", "rahim", reason="lost")
    assert said == f"rahim: password {checks('rahim')['Cleartext-Password']}\n"
    assert call("rename_subscriber", "rahim", "rahim2", reason="moved") == "rahim: is rahim2 now\n"
    said = call("delete_subscriber", "rahim2", reason="moved away")
    assert said == f"rahim2: deleted (account number T{home.tenant_id}-000001)\n"
    assert not Check.objects.exists()
    entries = AuditEntry.objects.filter(actor__startswith="manage.py")
    assert entries.count() == 13
    reasons = [
        reason for reason in entries.order_by("pk").values_list("reason", flat=True) if reason
    ]
    assert reasons == ["not paid", "cloned", "a new one", "lost", "moved", "moved away"]


def test_the_package_that_one_has_comes_now_and_drops_what_was_to_come(
    noon: Clock, rahim: Subscriber, call: Call
) -> None:
    packages.create(a_package(rahim.tenant, "Home 80"), by=BY)
    said = call("change_package", "rahim", "Home 80", next_period=True)
    assert said.startswith("rahim: Home 80 from the next period on")
    said = call("change_package", "rahim", "Home 20", next_period=True)
    assert said.startswith("rahim: Home 20 from now on")


def test_the_password_of_the_own_pages_is_another(rahim: Subscriber, call: Call) -> None:
    before = checks("rahim")
    told = call("change_subscriber_password", "rahim", web=True).removeprefix(
        "rahim: web password "
    )
    assert check_password(told.strip(), Subscriber.objects.get().web_password)
    assert checks("rahim") == before


def test_a_password_comes_from_the_environment_and_is_not_told(
    home: Package, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PASSWORD, "from-the-environment")
    said = call("create_subscriber", "Dhaka Fibre", "rahim", package="Home 20")
    assert "environment" not in said
    assert checks("rahim")["Cleartext-Password"] == "from-the-environment"
    assert call("change_subscriber_password", "rahim") == "rahim: password changed\n"


@pytest.mark.parametrize(
    ("words", "options", "said"),
    [
        (("suspend_subscriber", "nobody"), {}, "there is no subscriber nobody"),
        (("reconcile_radius",), {"username": "nobody"}, "nobody is called nobody, here or in"),
        (("resume_subscriber", "rahim"), {}, "rahim is active: it cannot resume now"),
        (("renew_subscriber", "rahim"), {"periods": 0}, "Renew for 1 to 120 periods"),
        (("renew_subscriber", "rahim"), {"until": "soon"}, "“soon” is no date"),
        (("renew_subscriber", "rahim"), {"until": "2026-12-31", "periods": 1}, "not both"),
        (("renew_subscriber", "rahim"), {"no_end": True, "periods": 1}, "not both"),
        (("change_package", "rahim", "Gold"), {}, r"has no package Gold \(it has: Home 20\)"),
        (("rename_subscriber", "rahim", "a b"), {}, "Username: A username has letters"),
        (("bind_mac", "rahim", "x"), {}, "Write a MAC address"),
        (("create_subscriber", "No Net", "x"), {"package": "x"}, "no tenant named No Net"),
        (
            ("create_subscriber", "Dhaka Fibre", "karim"),
            {"package": "Home 20", "expires": "2020-01-02"},
            "--expires: This end is past already",
        ),
        (
            ("create_subscriber", "Dhaka Fibre", "Rahim"),
            {"package": "Home 20"},
            "“Rahim” is taken.*Nothing was changed",
        ),
    ],
)
def test_what_is_refused_is_said_and_changes_nothing(
    home: Package, call: Call, words: Any, options: dict[str, Any], said: str
) -> None:
    made(home)
    before = checks("rahim")
    with pytest.raises(CommandError, match=said) as ended:
        call(*words, **options)
    assert ended.value.returncode == 1
    assert str(ended.value).endswith("Nothing was changed.")
    assert checks("rahim") == before
    assert Subscriber.objects.count() == 1


def test_what_is_not_known_yet_has_an_exit_code_of_its_own() -> None:
    with pytest.raises(CommandError, match=r"journal has it as 17\.$") as ended, refusals():
        raise BeingDecided("suspend subscriber rahim", "17")
    assert ended.value.returncode == 2


def test_a_package_is_made_from_a_rate_as_routeros_has_it(tenant_dhaka: Tenant, call: Call) -> None:
    said = call(
        "create_package",
        "Dhaka Fibre",
        "Home 40",
        rate="10M/40M 20M/60M 8M/30M 16/16",
        days="30",
        device_limit="",
        quota="500 GB",
    )
    assert said.startswith(
        "Home 40: 40\u00a0Mbps down, 10\u00a0Mbps up; bursts to 60\u00a0Mbps down"
    )
    package = Package.objects.get()
    assert (package.validity, package.validity_days, package.device_limit) == ("days", 30, None)
    assert group_rows(package)["Mikrotik-Rate-Limit"] == "10M/40M 20M/60M 8M/30M 16/16"
    assert group_rows(package)["ISPCore-Quota-Octets"] == "500000000000"


def test_a_package_is_changed_in_what_is_given_alone(
    home: Package, rahim: Subscriber, call: Call
) -> None:
    words = ("edit_package", "Dhaka Fibre", "Home 20")
    changes = {"validity": "none", "price": "1200.50", "currency": "BDT", "quota": "2 TB"}
    changes |= {"past_quota": "throttle", "throttled_down": "2M", "throttled_up": "1M"}
    changes |= {"when_blocked": "walled", "walled_list": "unpaid", "walled_down": "256k"}
    changes |= {"walled_up": "256k", "ipv6_pool": "six", "delegated_pool": "pd", "ipv4_pool": ""}
    changes |= {"address_list": "homes", "burst_down": "30M", "session_timeout": "86400"}
    changes |= {"idle_timeout": "900", "interim": "600", "ipv4_networks": "100.64.0.0/10"}
    said = call(*words, name="Home 20+", **changes)
    assert said.startswith("Home 20+: name, burst-down, session-timeout, ")
    rows = group_rows(home)
    assert rows["Mikrotik-Rate-Limit"] == "10M/20M 0/30M 0/20M 0/1"
    assert (rows["ISPCore-Quota-Rate"], rows["Framed-IPv6-Pool"]) == ("1M/2M", "six")
    assert "Framed-Pool" not in rows
    stored = Package.objects.get()
    assert (stored.validity, str(stored.price), stored.up_bps) == ("none", "1200.50", 10_000_000)
    assert rows["ISPCore-Garden-List"] == "unpaid"
    entries = AuditEntry.objects.count()
    assert "it is so already" in call("edit_package", "Dhaka Fibre", "Home 20+", price="1200.5")
    said = call("edit_package", "Dhaka Fibre", "Home 20+", rate="5M")  # the whole limit
    assert said.startswith("Home 20+: down, up, burst-down changed (")
    assert group_rows(home)["Mikrotik-Rate-Limit"] == "5M/5M"
    assert AuditEntry.objects.count() == entries + 1


def test_a_subscriber_has_all_that_the_form_has(home: Package, call: Call) -> None:
    contact = {"full_name": "Rahim", "phone": "+8801712345678", "email": "r@example.net"}
    contact |= {"address": "House 7, Uttara", "notes": "roof"}
    line = {"ipv6_prefix": "2001:db8:1::/64", "delegated_prefix": "2001:db8:100::/56"}
    line |= {"device_limit": "3", "mac": "aabb.cc00.1122", "ipv4": "100.64.9.2"}
    call("create_subscriber", "Dhaka Fibre", "rahim", package="Home 20", **contact, **line)
    stored = Subscriber.objects.get()
    assert {name: getattr(stored, name) for name in contact} == contact
    assert (stored.mac, stored.device_limit) == ("AA:BB:CC:00:11:22", 3)
    assert replies("rahim")["Delegated-IPv6-Prefix"] == "2001:db8:100::/56"
    said = call("edit_subscriber", "rahim", ipv4="", address="House 9", full_name="Rahim")
    assert said == "rahim: ipv4, address changed\n"
    now = Subscriber.objects.get()
    assert (now.ipv4, now.address, now.notes) == (None, "House 9", "roof")
    assert "Framed-IP-Address" not in replies("rahim")


@pytest.mark.parametrize("command", ["create_package", "edit_package"])
def test_every_field_of_the_form_is_an_option(command: str) -> None:
    parser = load_command_class("subscribers", command).create_parser("manage.py", command)
    there = {action.dest.removeprefix("field_") for action in parser._actions}
    assert set(PackageForm.base_fields) - there <= {"tenant", "seen"}


@pytest.mark.parametrize(
    ("words", "options", "said"),
    [
        (
            ("create_package", "Dhaka Fibre", "X"),
            {"rate": "fast"},
            "^--rate: “fast” is no rate limit",
        ),
        (
            ("create_package", "Dhaka Fibre", "X"),
            {"rate": "10M/40M 5M/60M"},
            "^--rate: Burst, up: A burst is faster than the rate",
        ),
        (("create_package", "Dhaka Fibre", "X"), {}, "^--down: This field is required"),
        (
            ("create_package", "Dhaka Fibre", "Home 20"),
            {"rate": "5M"},
            "has a package of this name",
        ),
        (("edit_package", "Dhaka Fibre", "Home 20"), {}, "^Say what is to be changed"),
        (("edit_package", "Dhaka Fibre", "Home 20"), {"burst_up": "5M"}, "^--burst-up: A burst is"),
        (
            ("edit_package", "Dhaka Fibre", "Home 20"),
            {"type": "static"},
            "^--type: Subscribers have",
        ),
        (("edit_package", "Dhaka Fibre", "Home 20"), {"type": "isdn"}, "^--type: Select a valid"),
        (("edit_package", "Dhaka Fibre", "Home 20"), {"quota": "much"}, "^--quota: “much” is no"),
        (("edit_package", "Dhaka Fibre", "Home 20"), {"validity": "days"}, "^--days: Say for how"),
        (
            ("edit_package", "Dhaka Fibre", "Home 20"),
            {"quota": "5 GB", "past_quota": "throttle", "throttled_down": "2M"},
            "^--throttled-up: Both directions need a rate",
        ),
        (("edit_subscriber", "rahim"), {"ipv4": "127.0.0.1"}, "^--ipv4: 127.0.0.1 is no address"),
        (("edit_subscriber", "rahim"), {"phone": "017"}, "^--phone: Write the phone number"),
        (
            ("create_subscriber", "Dhaka Fibre", "karim"),
            {"package": "Home 20", "mac": "x"},
            "^--mac: Write a MAC address",
        ),
        (
            ("create_subscriber", "Dhaka Fibre", "ka rim"),
            {"package": "Home 20"},
            "^username: A username has letters",
        ),
    ],
)
def test_what_is_refused_names_its_option(
    rahim: Subscriber, call: Call, words: Any, options: dict[str, Any], said: str
) -> None:
    before = list(Package.objects.values()), list(Subscriber.objects.values("pk", "phone", "ipv4"))
    with pytest.raises(CommandError, match=said) as ended:
        call(*words, **options)
    assert str(ended.value).endswith("Nothing was changed.")
    after = list(Package.objects.values()), list(Subscriber.objects.values("pk", "phone", "ipv4"))
    assert after == before


def test_rows_made_by_hand_are_taken_over_when_that_is_said(home: Package, call: Call) -> None:
    by_hand("Karim")
    words, options = ("create_subscriber", "Dhaka Fibre", "karim"), {"package": "Home 20"}
    with pytest.raises(
        CommandError, match=r"already has 2 rows.*--take-over replaces them\. Nothing"
    ):
        call(*words, **options)
    assert checks("Karim") == {"Cleartext-Password": "his"}
    call(*words, **options, take_over=True)
    assert not Check.objects.filter(value="his").exists()
    by_hand("salam")
    with pytest.raises(CommandError, match="--take-over"):
        call("rename_subscriber", "karim", "salam")
    call("rename_subscriber", "karim", "salam", take_over=True)
    noted = [each.new.get("replaced_in_radius") for each in AuditEntry.objects.order_by("-pk")[:2]]
    assert noted == ["Cleartext-Password, group"] * 2
