"""What may be written into FreeRADIUS' attribute tables: one unknown attribute, or one value that
cannot be read, and the user is refused.

Names and types are those of the RADIUS dictionaries (RFC 2865, 2869, 3162, 4818, 6911; vendors 14988
and 14122). Those named ISPCore-* are our own (deploy/freeradius/dictionary): FreeRADIUS evaluates
them in deploy/freeradius/policy.conf and sends them to nobody. All are checks, with ":=":

ISPCore-Reason         why the user may not log in, told to the subscriber and kept in
                       radpostauth.class: "suspended". Beside Auth-Type := Reject the login is
                       refused; without it, it goes into the walled garden
ISPCore-Quota-Octets   octets of a period, up and down together
ISPCore-Quota-From     when the period began, in seconds since 1970: sessions that began earlier are
                       not counted
ISPCore-Quota-Until    when it ends: sessions end then too, so that none lies across two. Once it is
                       past, octets are counted from it, until the portal writes the next period
ISPCore-Quota-Rate     Mikrotik-Rate-Limit after the quota is used up; without it, the walled garden
                       or a refusal ("quota used up")
ISPCore-Garden-List    the router's address list of those who may only pay: who is expired, past
                       the quota or refused for an ISPCore-Reason logs in with it
ISPCore-Garden-Rate    Mikrotik-Rate-Limit in the walled garden

A subscriber with 100 GB a month, then 1 Mbps:

    radcheck       ISPCore-Quota-From := 1772301600, ISPCore-Quota-Until := 1774980000
    radgroupcheck  ISPCore-Quota-Octets := 100000000000, ISPCore-Quota-Rate := 1M/1M

A check of a group with ":=" goes before the user's own; what a user may override stands in the
user's rows alone. In replies the user's ":=" goes before the group's "=".
"""

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass

CHECK, REPLY = "check", "reply"
SET, EQUAL, ABSENT, ADD = ":=", "==", "=", "+="
LONGEST = 253  # RFC 2865, and the column's size
_UINT32, _INT64 = 2**32 - 1, 2**63 - 1
_MAC = re.compile(r"([0-9A-F]{2}:){5}[0-9A-F]{2}")
_WORD = re.compile(r"[\w.-]+", re.ASCII)
_USERNAME = re.compile(r"[a-z0-9@._:+/-]+", re.ASCII | re.IGNORECASE)
_RATE = r"\d+[kMG]?"
_PAIR = rf"{_RATE}(/{_RATE})?"
_TIMES = r"\d+(/\d+)?"
_RATE_LIMIT = re.compile(
    rf"{_PAIR}( {_PAIR}( {_PAIR}( {_TIMES}( [1-8]( {_PAIR})?)?)?)?)?", re.ASCII
)
Reader = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Attribute:
    """Where it may stand, with which operators, and what reads its value (raises ValueError)."""

    side: str
    ops: frozenset[str]
    read: Reader


def validate(attribute: str, op: str, value: str) -> None:
    """Raises ValueError, which names the attribute and the fault; never the value of a password."""
    known = ATTRIBUTES.get(attribute)
    if known is None:
        raise ValueError(f"{attribute} is no attribute that the portal writes")
    if op not in known.ops:
        raise ValueError(f"{attribute}: the operator {op} is not one of {_listed(known.ops)}")
    try:
        _plain(value)
        known.read(value)
    except ValueError as error:
        raise ValueError(f"{attribute}: {error}") from None


def validate_username(username: str) -> None:
    """Raises ValueError: letters and digits of ASCII and @ . _ : + / -, at most 64.

    MariaDB takes é for e, and capitals for small letters; FreeRADIUS escapes other signs.
    """
    if len(username) > 64:
        raise ValueError("a username has at most 64 characters")
    if not _USERNAME.fullmatch(username):
        raise ValueError("a username has letters, digits and @ . _ : + / - and no others")


def _plain(value: str) -> None:
    """FreeRADIUS takes off quotes around a value (and runs what `` quote), and reads \\ as an escape."""
    if not value:
        raise ValueError("there is no value")
    if len(value.encode()) > LONGEST:
        raise ValueError(f"longer than {LONGEST} octets")
    if not (value.isascii() and value.isprintable()) or "\\" in value:
        raise ValueError("has a character that is not printable ASCII, or a \\")
    if value[0] in "\"'`" and value[0] == value[-1]:
        raise ValueError(f"stands between {value[0]}")
    if value != value.strip():
        raise ValueError("begins or ends with a space")


def _text(value: str) -> None:
    """Anything that `_plain` lets through."""


def _word(value: str) -> None:
    if not _WORD.fullmatch(value):
        raise ValueError("a name of letters, digits and . _ - is wanted")


def _number(least: int, most: int) -> Reader:
    def read(value: str) -> None:
        if not (value.isascii() and value.isdigit()) or not least <= int(value) <= most:
            raise ValueError(f"a whole number from {least} to {most} is wanted")

    return read


def _one_of(*values: str) -> Reader:
    def read(value: str) -> None:
        if value not in values:
            raise ValueError(f"is not one of {', '.join(values)}")

    return read


def _epoch(value: str) -> None:
    """Text dates are read in the server's zone, so only seconds since 1970 are written."""
    _number(0, _UINT32)(value)


def _mac(value: str) -> None:
    if not _MAC.fullmatch(value):
        raise ValueError("a MAC address like 00:1B:21:AA:BB:CC is wanted")


def _ipv4(value: str) -> None:
    try:
        ipaddress.IPv4Address(value)
    except ValueError:
        raise ValueError("an IPv4 address is wanted") from None


def _ipv6(value: str) -> None:
    try:
        ipaddress.IPv6Address(value)
    except ValueError:
        raise ValueError("an IPv6 address is wanted") from None


def _ipv6_prefix(value: str) -> None:
    try:
        if "/" not in value:
            raise ValueError
        ipaddress.IPv6Network(value)
    except ValueError:
        raise ValueError("an IPv6 prefix like 2001:db8:1::/56 is wanted") from None


def _rate_limit(value: str) -> None:
    """RouterOS manual, RADIUS client: rates, burst rates, thresholds, times, priority, least rates."""
    if not _RATE_LIMIT.fullmatch(value):
        raise ValueError("a rate limit like 5M/20M, or 5M/20M 8M/30M 4M/15M 16/16 8, is wanted")


def _listed(ops: frozenset[str]) -> str:
    return ", ".join(sorted(ops))


def _check(read: Reader, *ops: str) -> Attribute:
    return Attribute(CHECK, frozenset(ops or (SET,)), read)


def _reply(read: Reader, *ops: str) -> Attribute:
    return Attribute(REPLY, frozenset(ops or (SET, ABSENT)), read)


ATTRIBUTES: dict[str, Attribute] = {
    "Cleartext-Password": _check(_text),
    "Auth-Type": _check(_one_of("Reject")),
    "Expiration": _check(_epoch),
    "Simultaneous-Use": _check(_number(1, 1000)),
    "Calling-Station-Id": _check(_mac, EQUAL),
    "NAS-Port-Type": _check(_one_of("Ethernet", "Wireless-802.11", "Virtual"), EQUAL),
    "Service-Type": _check(_one_of("Framed-User", "Login-User"), EQUAL),
    "ISPCore-Reason": _check(_text),
    "ISPCore-Quota-Octets": _check(_number(1, _INT64)),
    "ISPCore-Quota-From": _check(_epoch),
    "ISPCore-Quota-Until": _check(_epoch),
    "ISPCore-Quota-Rate": _check(_rate_limit),
    "ISPCore-Garden-List": _check(_word),
    "ISPCore-Garden-Rate": _check(_rate_limit),
    "Acct-Interim-Interval": _reply(_number(60, _UINT32)),
    "Class": _reply(_text),
    "Delegated-IPv6-Prefix": _reply(_ipv6_prefix),
    "Filter-Id": _reply(_word),
    "Framed-IP-Address": _reply(_ipv4),
    "Framed-IP-Netmask": _reply(_ipv4),
    "Framed-IPv6-Address": _reply(_ipv6),
    "Framed-IPv6-Pool": _reply(_word),
    "Framed-IPv6-Prefix": _reply(_ipv6_prefix),
    "Framed-Pool": _reply(_word),
    "Framed-Protocol": _reply(_one_of("PPP")),
    "Framed-Route": _reply(_text, SET, ABSENT, ADD),
    "Idle-Timeout": _reply(_number(1, _UINT32)),
    "Mikrotik-Address-List": _reply(_word, SET, ABSENT, ADD),
    "Mikrotik-Delegated-IPv6-Pool": _reply(_word),
    "Mikrotik-Group": _reply(_word),
    "Mikrotik-Rate-Limit": _reply(_rate_limit),
    "Mikrotik-Recv-Limit": _reply(_number(0, _UINT32)),
    "Mikrotik-Recv-Limit-Gigawords": _reply(_number(0, _UINT32)),
    "Mikrotik-Total-Limit": _reply(_number(0, _UINT32)),
    "Mikrotik-Total-Limit-Gigawords": _reply(_number(0, _UINT32)),
    "Mikrotik-Xmit-Limit": _reply(_number(0, _UINT32)),
    "Mikrotik-Xmit-Limit-Gigawords": _reply(_number(0, _UINT32)),
    "Port-Limit": _reply(_number(1, 1000)),
    "Reply-Message": _reply(_text),
    "Session-Timeout": _reply(_number(1, _UINT32)),
    "WISPr-Bandwidth-Max-Down": _reply(_number(1, _UINT32)),
    "WISPr-Bandwidth-Max-Up": _reply(_number(1, _UINT32)),
}
