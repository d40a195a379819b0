"""What an operator types, what is answered, and the exit codes."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command, load_command_class

from routers import tasks
from routers.models import Interface, Router
from routers.operations import collection
from tests.routers.conftest import MakePlace, Place

APPS = {
    "routers": ["add_router", "check_routers", "collect_usage", "discover_interfaces", "watch"],
    "ispcore": ["rotate_keys"],
    "ispcore.accounts": ["create_admin"],
    "ispcore.demo": ["demo"],
}


def run(name: str, *arguments: str, **options: Any) -> str:
    out = StringIO()
    call_command(name, *arguments, stdout=out, stderr=out, **options)
    return out.getvalue()


def fails(name: str, *arguments: str) -> tuple[int, str]:
    with pytest.raises(CommandError) as refused:
        run(name, *arguments)
    return refused.value.returncode, str(refused.value)


@pytest.mark.parametrize(
    ("app", "name"), [(app, name) for app, names in APPS.items() for name in names]
)
def test_help_shows_an_example_and_what_the_exit_code_means(app: str, name: str) -> None:
    help_text = load_command_class(app, name).help
    assert f"manage.py {name}" in help_text
    assert "Example" in help_text
    assert "Exit code" in help_text


def test_add_router_enters_and_discovers(place: MakePlace, monkeypatch: pytest.MonkeyPatch) -> None:
    device = place()
    target = device.router
    Router.objects.all().delete()
    monkeypatch.setenv("ROUTER_SNMP_COMMUNITY", target.snmp_community)
    monkeypatch.setenv("ROUTER_API_PASSWORD", target.api_password)
    said = run(
        *("add_router", "new-edge", "127.0.0.1", "--site", "Uttara", "--ping", "tcp"),
        *("--api-user", target.api_user, "--api-port", str(target.api_port)),
        *("--snmp-port", str(target.snmp_port)),
    )
    assert "new-edge: 6 interfaces" in said
    stored = Router.objects.get(name="new-edge")
    assert (stored.site, stored.snmp_community) == ("Uttara", target.snmp_community)
    assert Interface.objects.filter(router=stored, name="vlan101").exists()


def test_add_router_by_snmp_v3(place: MakePlace, monkeypatch: pytest.MonkeyPatch) -> None:
    port = place().router.snmp_port
    Router.objects.all().delete()
    monkeypatch.setenv("ROUTER_SNMP_AUTH_KEY", "auth-password-1")
    monkeypatch.setenv("ROUTER_SNMP_PRIV_KEY", "priv-password-1")
    v3 = ("--snmp-user", "watcher", "--snmp-auth", "SHA1", "--snmp-priv", "AES128")
    assert "6 interfaces" in run("add_router", "v3", "127.0.0.1", "--snmp-port", str(port), *v3)


def test_add_router_refuses_by_field_and_changes_nothing(db: None) -> None:
    code, words = fails("add_router", "x", "not-an-address")
    assert code == 1
    assert words.startswith("address: ")
    assert words.endswith("Nothing was changed.")
    assert not Router.objects.exists()


def test_add_router_refuses_an_address_twice(edge: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    port = str(edge.router.api_port)
    code, words = fails("add_router", "twin", "127.0.0.1", "--api-port", port)
    assert (code, words.split(".")[0]) == (
        1,
        "Another router has this address and API port already",
    )


def test_add_router_keeps_a_router_that_does_not_answer(
    db: None, monkeypatch: pytest.MonkeyPatch, free_port: int
) -> None:
    monkeypatch.setenv("ROUTER_SNMP_COMMUNITY", "public")
    code, words = fails("add_router", "silent", "127.0.0.1", "--snmp-port", str(free_port))
    assert code == 3
    assert words.startswith("silent: ")
    assert Router.objects.filter(name="silent").exists()


def test_collect_usage_exits_by_how_many_answered(place: MakePlace) -> None:
    well, dead = place(), place(api_user="")
    dead.control("dead")
    assert fails("collect_usage") == (1, "1 of 2 routers did not answer")
    assert "1 of 1 routers answered" in run("collect_usage", well.router.name)
    assert fails("collect_usage", dead.router.name)[0] == 2
    code, words = fails("collect_usage", "nobody")
    assert code == 2
    assert words.startswith("no router named nobody (there are: ")


def test_discover_interfaces_shows_what_changed(place: MakePlace) -> None:
    edge, dead = place(), place(api_user="")
    dead.control("dead")
    said = run("discover_interfaces", edge.router.name)
    assert "6 interfaces\n  new: ether1" in said
    edge.control("remove-interface", interface="vlan101")
    assert "gone: vlan101" in run("discover_interfaces", edge.router.name)
    assert fails("discover_interfaces") == (1, "1 of 2 routers did not answer")


def test_check_routers_prints_every_step(place: MakePlace) -> None:
    edge, dead = place(ping_method="tcp"), place(ping_method="tcp")
    said = run("check_routers", edge.router.name)
    assert said.count("  ok ") == 3
    dead.control("dead")
    assert fails("check_routers") == (1, "1 of 2 routers have a failing step")
    assert fails("check_routers", dead.router.name)[0] == 2


# ---- jobs


def test_the_other_jobs_say_what_they_did(place: MakePlace) -> None:
    place(), place(api_user="", snmp_community="")
    assert tasks.discover() == "1 discovered, 1 failed"
    assert tasks.check_routers() == "1 of 1 logins"
    assert tasks.tidy() == "0 rows forgotten"
    assert collection.collect().answered == 1
