"""What may be written: refused with the fault named, and all of it known to a real FreeRADIUS."""

import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radius.attributes import ATTRIBUTES, CHECK, REPLY, validate, validate_username
from radius.models import Check, Reply
from tests.radius.conftest import SHARED, Site

GOOD = {
    "Cleartext-Password": "p%{x}'q",
    "Auth-Type": "Reject",
    "Expiration": "1900000000",
    "Simultaneous-Use": "3",
    "Calling-Station-Id": "00:1B:21:AA:BB:CC",
    "NAS-Port-Type": "Ethernet",
    "Service-Type": "Framed-User",
    "ISPCore-Reason": "suspended",
    "ISPCore-Quota-Octets": str(2**62),
    "ISPCore-Quota-From": "1772301600",
    "ISPCore-Quota-Until": "1900000000",
    "ISPCore-Quota-Rate": "1M/1M",
    "ISPCore-Garden-List": "unpaid",
    "ISPCore-Garden-Rate": "256k/256k",
    "Acct-Interim-Interval": "300",
    "Class": "gold",
    "Delegated-IPv6-Prefix": "2001:db8:100::/56",
    "Filter-Id": "in-1",
    "Framed-IP-Address": "10.20.0.7",
    "Framed-IP-Netmask": "255.255.255.255",
    "Framed-IPv6-Address": "2001:db8::7",
    "Framed-IPv6-Pool": "pool6",
    "Framed-IPv6-Prefix": "2001:db8:1:2::/64",
    "Framed-Pool": "pool-4",
    "Framed-Protocol": "PPP",
    "Framed-Route": "192.168.9.0/24 10.20.0.7 1",
    "Idle-Timeout": "600",
    "Mikrotik-Address-List": "gold",
    "Mikrotik-Delegated-IPv6-Pool": "pd",
    "Mikrotik-Group": "default",
    "Mikrotik-Rate-Limit": "5M/20M 8M/30M 4M/15M 16/16 8 1M/2M",
    "Mikrotik-Recv-Limit": "1",
    "Mikrotik-Recv-Limit-Gigawords": "1",
    "Mikrotik-Total-Limit": "4294967295",
    "Mikrotik-Total-Limit-Gigawords": "0",
    "Mikrotik-Xmit-Limit": "1",
    "Mikrotik-Xmit-Limit-Gigawords": "1",
    "Port-Limit": "1",
    "Reply-Message": "welcome",
    "Session-Timeout": "3600",
    "WISPr-Bandwidth-Max-Down": "20000000",
    "WISPr-Bandwidth-Max-Up": "5000000",
}
BAD = [
    ("Expiration", ":=", "2030-11-20 12:00:00", "whole number"),
    ("Expiration", ":=", "", "no value"),
    ("Expiration", "==", "1900000000", "operator =="),
    ("Auth-Type", ":=", "Accept", "Reject"),
    ("Simultaneous-Use", ":=", "0", "1 to 1000"),
    ("Calling-Station-Id", "==", "00-1b-21-aa-bb-cc", "MAC address"),
    ("Mikrotik-Rate-Limit", ":=", "5MB/20M", "rate limit"),
    ("Mikrotik-Rate-Limit", ":=", "5M/20M 8M/30M 4M/15M 16/16 9", "rate limit"),
    ("Mikrotik-Rate-Limit", ":=", "5M /20M", "rate limit"),
    ("Framed-IP-Address", ":=", "10.20.0.300", "IPv4"),
    ("Framed-IPv6-Prefix", ":=", "2001:db8::1/64", "IPv6 prefix"),
    ("Framed-IPv6-Prefix", ":=", "2001:db8::", "IPv6 prefix"),
    ("Session-Timeout", ":=", "-1", "whole number"),
    ("Session-Timeout", ":=", "٣٠٠", "ASCII"),
    ("Framed-Pool", ":=", "my pool", "letters, digits"),
    ("Cleartext-Password", ":=", "`id`", "stands between `"),
    ("Cleartext-Password", ":=", '"quoted"', "stands between"),
    ("Cleartext-Password", ":=", "a\\b", "\\"),
    ("Cleartext-Password", ":=", " x", "space"),
    ("Cleartext-Password", ":=", "x" * 254, "253"),
    ("Cleartext-Password", ":=", "ডাক", "ASCII"),
    ("Mikrotik-Rate-Limt", ":=", "5M", "no attribute"),
]


def test_every_attribute_has_a_good_value_here() -> None:
    assert GOOD.keys() == ATTRIBUTES.keys()
    for name, value in GOOD.items():
        for op in ATTRIBUTES[name].ops:
            validate(name, op, value)


@pytest.mark.parametrize(("attribute", "op", "value", "fault"), BAD)
def test_a_fault_is_named_with_its_attribute(
    attribute: str, op: str, value: str, fault: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(attribute)) as refused:
        validate(attribute, op, value)
    assert fault in str(refused.value)
    if attribute == "Cleartext-Password" and len(value) > 2:
        assert value not in str(refused.value)


@given(st.sampled_from(sorted(ATTRIBUTES)), st.sampled_from([":=", "==", "=", "+="]), st.text())
def test_any_text_is_judged_and_fits_the_column(attribute: str, op: str, value: str) -> None:
    with suppress(ValueError):
        validate(attribute, op, value)
        assert 0 < len(value) <= 253


@pytest.mark.parametrize("name", ["rahim", "00:1B:21:AA:BB:CC", "a.b-c_d+e/f@isp.net", "x" * 64])
def test_usernames(name: str) -> None:
    validate_username(name)


@pytest.mark.parametrize("name", ["", "a b", " a", "x" * 65, "é", "a'b", "a\n", "a%b", "রহিম"])
def test_usernames_that_a_database_or_freeradius_would_change(name: str) -> None:
    with pytest.raises(ValueError, match="username"):
        validate_username(name)


def test_every_reply_reaches_the_router(site: Site) -> None:
    replies = {name: value for name, value in GOOD.items() if ATTRIBUTES[name].side == REPLY}
    rows = [(name, ":=", value) for name, value in replies.items()]
    answer = site.login(site.subscriber(replies=tuple(rows)))
    assert answer.code == "Access-Accept"
    told = dict(answer.attributes)
    told["Class"] = bytes.fromhex(told["Class"][2:]).decode()
    assert {name: told.get(name) for name in replies} == replies


def test_every_check_is_read(site: Site) -> None:
    """One that FreeRADIUS did not know would refuse the user."""
    asked = (
        *('Calling-Station-Id = "00:1B:21:AA:BB:CC"', "NAS-Port-Type = Ethernet"),
        "Service-Type = Framed-User",
    )
    for name, value in GOOD.items():
        known = ATTRIBUTES[name]
        if known.side == CHECK and name not in {
            "Cleartext-Password",
            "Auth-Type",
            "ISPCore-Reason",
        }:
            (op,) = known.ops
            user = site.subscriber((name, op, value))
            assert site.login(user, *asked).code == "Access-Accept", name


def test_an_unknown_attribute_would_refuse_the_user(site: Site) -> None:
    """Why all of this is checked."""
    name = site.subscriber(replies=(("Mikrotik-Rate-Limt", ":=", "5M"),))
    assert site.login(name).code != "Access-Accept"


@pytest.mark.skipif(not SHARED.exists(), reason="the dictionaries are not here")
@pytest.mark.parametrize("vendor", ["mikrotik", "wispr"])
def test_vendors_attributes_are_those_of_the_dictionary(vendor: str) -> None:
    text = (SHARED / f"dictionary.{vendor}").read_text()
    kinds = dict(re.findall(r"^ATTRIBUTE\s+(\S+)\s+\S+\s+(\w+)", text, re.MULTILINE))
    ours = {name for name in ATTRIBUTES if name.lower().startswith(vendor)}
    assert ours
    assert ours <= kinds.keys()
    for name in ours:
        assert GOOD[name].isdigit() == (kinds[name] in {"integer", "uint32"}), name


def test_columns_hold_what_is_let_through() -> None:
    for model in (Check, Reply):
        assert model._meta.get_field("value").max_length == 253
        assert max(map(len, ATTRIBUTES)) <= (model._meta.get_field("attribute").max_length or 0)
