"""The commands say what they did, and what was refused, by exit code too."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.hashers import check_password
from django.core.management import CommandError, call_command

from ispcore.accounts.models import Tenant
from ispcore.base.models import AuditEntry
from ispcore.base.unit_of_work import BeingDecided
from radius.models import Check
from subscribers.management.choosing import PASSWORD, refusals
from subscribers.models import Package, Subscriber
from subscribers.operations import packages
from tests.subscribers.conftest import BY, Clock, a_package, checks, group_rows, groups, made

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
            "Expires at: This end is past already",
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
        days=30,
        devices=0,
        quota_gb=500,
    )
    assert said.startswith(
        "Home 40: 40\u00a0Mbps down, 10\u00a0Mbps up; bursts to 60\u00a0Mbps down"
    )
    package = Package.objects.get()
    assert (package.validity, package.validity_days, package.device_limit) == ("days", 30, None)
    assert group_rows(package)["Mikrotik-Rate-Limit"] == "10M/40M 20M/60M 8M/30M 16/16"
    assert group_rows(package)["ISPCore-Quota-Octets"] == "500000000000"
    with pytest.raises(CommandError, match=r"“fast” is no rate limit.*Nothing was changed"):
        call("create_package", "Dhaka Fibre", "Home 80", rate="fast")
    with pytest.raises(CommandError, match="Burst, up: A burst is faster than the rate"):
        call("create_package", "Dhaka Fibre", "Home 80", rate="10M/40M 5M/60M")
    assert Package.objects.count() == 1
