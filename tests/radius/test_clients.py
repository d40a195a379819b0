"""Routers that FreeRADIUS answers, and those that it does not."""

import time

from radius import rows
from radius.models import Nas
from radius.operations import nas
from tests.harness.freeradius import SECRET, Answer, FreeRADIUS
from tests.radius.conftest import Site

SILENCE = Answer("")
SIGNED = "Message-Authenticator = 0x00"


def ask(
    site: Site, name: str, *, source: str, secret: str = SECRET, signed: bool = False
) -> Answer:
    more = (SIGNED,) if signed else ()
    return site.server.ask(
        "auth",
        f'User-Name = "{name}"',
        'User-Password = "s3cret"',
        f"Packet-Src-IP-Address = {source}",
        *more,
        secret=secret,
        wait_s=1,
    )


def test_a_new_router_is_answered_at_once_and_a_removed_one_is_not(site: Site) -> None:
    name, source = site.subscriber(), "127.0.0.21"
    assert ask(site, name, source=source) == SILENCE
    nas.replace([source], [nas.Client(source, "utt-edge-01", SECRET)])
    assert ask(site, name, source=source).code == "Access-Accept"
    nas.replace([source], [])
    assert ask(site, name, source=source) == SILENCE
    told = site.account(name, "Start", "x", f"Packet-Src-IP-Address = {source}", wait_s=1)
    assert told == SILENCE
    assert ask(site, name, source="127.0.0.1").code == "Access-Accept"


def test_a_removed_router_is_refused_whatever_a_group_says(site: Site) -> None:
    rows.replace_groups(["open"], [rows.CheckRow("open", "Cleartext-Password", ":=", "s3cret")], [])
    name, source = site.subscriber(groups=("open",)), "127.0.0.20"
    nas.replace([source], [nas.Client(source, "utt-edge-00", SECRET)])
    assert ask(site, name, source=source).code == "Access-Accept"
    nas.replace([source], [])
    assert ask(site, name, source=source) == SILENCE
    rows.replace_groups(["open"], [], [])


def test_a_wrong_secret_gets_no_accept(site: Site) -> None:
    name, source = site.subscriber(), "127.0.0.22"
    nas.replace([source], [nas.Client(source, "utt-edge-02", SECRET)])
    assert ask(site, name, source=source, secret="another-secret-than-ours").code != "Access-Accept"


def test_a_router_that_signs_is_not_believed_without_it(site: Site) -> None:
    """CVE-2024-3596."""
    name, source = site.subscriber(), "127.0.0.23"
    nas.replace([source], [nas.Client(source, "utt-edge-03", SECRET, signs_requests=True)])
    assert ask(site, name, source=source) == SILENCE
    assert ask(site, name, source=source, signed=True).code == "Access-Accept"
    assert ask(site, name, source="127.0.0.1").code == "Access-Accept"


def test_signs_in_secrets_are_only_signs(site: Site) -> None:
    name, source, secret = site.subscriber(), "127.0.0.24", "a!#$()*+,./:;<=>?@^_{|}~-9"
    client = nas.Client(source, "utt-edge-04", secret)
    nas.validate(client)
    nas.replace([source], [client])
    assert ask(site, name, source=source, secret=secret).code == "Access-Accept"


def test_routers_are_looked_up_in_nas_as_it_is(site: Site) -> None:
    """As somebody else wrote it, with stock values."""
    name, source = site.subscriber(), "127.0.0.25"
    Nas.objects.create(address=source, short_name=None, kind=None, secret=SECRET, ports=None)
    assert ask(site, name, source=source).code == "Access-Accept"


def test_a_network_that_routers_never_ask_from_is_dropped_without_a_look(site: Site) -> None:
    name, source = site.subscriber(), "127.0.0.26"
    nas.replace([source], [nas.Client(source, "utt-edge-05", SECRET)])
    narrow = FreeRADIUS(site.url, settings={"RADIUS_CLIENTS": "127.0.0.0/30"}).start()
    try:
        asked = (f'User-Name = "{name}"', 'User-Password = "s3cret"')
        assert narrow.ask("auth", *asked).code == "Access-Accept"
        away = f"Packet-Src-IP-Address = {source}"
        assert narrow.ask("auth", *asked, away, wait_s=1) == SILENCE
        assert "unknown client" in narrow.log()
    finally:
        narrow.stop()


def test_a_changed_secret_is_in_force_when_the_router_is_looked_up_again(site: Site) -> None:
    name, source, changed = site.subscriber(), "127.0.0.27", "a-changed-secret-of-ours"
    nas.replace([source], [nas.Client(source, "utt-edge-06", SECRET)])
    server = FreeRADIUS(site.url, settings={"RADIUS_CLIENT_S": "2"}).start()
    asked = (f'User-Name = "{name}"', 'User-Password = "s3cret"')
    source = f"Packet-Src-IP-Address = {source}"
    try:
        assert server.ask("auth", *asked, source).code == "Access-Accept"
        nas.replace(["127.0.0.27"], [nas.Client("127.0.0.27", "utt-edge-06", changed)])
        began = time.monotonic()
        while server.ask("auth", *asked, source, secret=changed, wait_s=1).code == "":
            assert time.monotonic() - began < 10
            time.sleep(0.5)
        assert server.ask("auth", *asked, source, wait_s=1) == SILENCE
    finally:
        server.stop()
