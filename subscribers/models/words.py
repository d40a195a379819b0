"""What texts may look like that FreeRADIUS reads, and addresses as people write them."""

import ipaddress
import re

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator

MOST_NETWORKS = 20
SHORTEST_PREFIX = 16  # of IPv6, in bits: no subscriber has a larger one
# FreeRADIUS unquotes a value and reads its escapes; none of these is changed by that
PLAIN = RegexValidator(r"^[A-Za-z0-9_.-]+\Z", "Letters, digits and . _ - only.")
# what two databases compare alike, whatever their collations: ASCII, compared by its small letters
USERNAME = RegexValidator(
    r"^[A-Za-z0-9._:@/+-]+\Z",
    "A username has letters from A to Z, digits and . _ : @ / + - only.",
)
_PASSWORD = re.compile(r"[ -~]{4,128}", re.ASCII)
_MAC = re.compile(
    r"(?:[0-9A-F]{2}([:-]?))(?:[0-9A-F]{2}\1){4}[0-9A-F]{2}|(?:[0-9A-F]{4}\.){2}[0-9A-F]{4}"
)
MAC_WORDS = "Write a MAC address like AA:BB:CC:DD:EE:FF."
PASSWORD_WORDS = "A RADIUS password has 4 to 128 characters, all of them plain (ASCII)."  # noqa: S105
QUOTED_WORDS = (
    "FreeRADIUS would read this password as another one: leave out \\ and do not put it in quotes."
)


def check_password(text: str) -> None:
    """Raises ValidationError for what FreeRADIUS would not read as it is written."""
    if not _PASSWORD.fullmatch(text) or text != text.strip():
        raise ValidationError(PASSWORD_WORDS)
    if "\\" in text or (text[0] in "'\"`" and text[0] == text[-1]):
        raise ValidationError(QUOTED_WORDS)


def mac_of(text: str) -> str:
    """ "aabb.ccdd.eeff" as "AA:BB:CC:DD:EE:FF", as RouterOS sends it. Raises ValidationError."""
    given = text.strip().upper()
    if not given:
        return ""
    if not _MAC.fullmatch(given):
        raise ValidationError(MAC_WORDS)
    digits = re.sub(r"[^0-9A-F]", "", given)
    return ":".join(digits[at : at + 2] for at in range(0, 12, 2))


def networks_of(text: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """Networks, separated by commas or spaces. Raises ValidationError naming the one at fault."""
    words = text.replace(",", " ").split()
    if len(words) > MOST_NETWORKS:
        raise ValidationError(f"At most {MOST_NETWORKS} networks.")
    found = []
    for word in words:
        try:
            found.append(ipaddress.ip_network(word))
        except ValueError as error:
            raise ValidationError(f"“{word[:60]}” is no network: {error}") from error
    return found


def check_ipv4_networks(text: str) -> None:
    _check_version(text, 4)


def check_ipv6_networks(text: str) -> None:
    _check_version(text, 6)


def prefix_of(text: str) -> str:
    """An IPv6 prefix in its short form, "" for none. Raises ValidationError."""
    if not text.strip():
        return ""
    try:
        network = ipaddress.IPv6Network(text.strip())
    except ValueError as error:
        raise ValidationError(f"This is no IPv6 prefix: {error}") from error
    if network.prefixlen < SHORTEST_PREFIX or network.is_multicast or network.is_link_local:
        raise ValidationError("No subscriber has this prefix: write one like 2001:db8:1:2::/64.")
    return str(network)


def _check_version(text: str, version: int) -> None:
    for network in networks_of(text):
        if network.version != version:
            raise ValidationError(f"{network} is no network of IPv{version}.")
