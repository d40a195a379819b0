"""Finds subscribers by what people know of them: name, number, phone, device, address."""

import ipaddress
import re
from collections.abc import Sequence

from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet

from radius.models import Accounting
from radius.rows import normalised
from subscribers.models import Subscriber, words
from subscribers.pages.radius_side import asked

FEWEST_DIGITS = 4
MOST_ONLINE = 50
_PHONE = re.compile(r"\+?[\d\s()/-]+")


def fitting(
    rows: "QuerySet[Subscriber]", text: str, *, online: bool = False
) -> "QuerySet[Subscriber]":
    """Those of `rows` that `text` may mean. A MAC or IP address is asked for as a whole, which an
    index answers; anything else may stand anywhere in a name. With `online`, also who has a session
    open with that address now; while FreeRADIUS' database does not answer, only what the portal has."""
    query = text.strip()
    if not query:
        return rows
    named = Q(username_key=normalised(query))
    if mac := _mac(query):
        named |= Q(mac=mac) | Q(username_key=mac.lower())
        forms = (mac, mac.replace(":", "-"))
        return rows.filter(named | _sessions(Q(calling_station__in=forms), online))
    if ipv4 := _ipv4(query):
        return rows.filter(named | Q(ipv4=ipv4) | _sessions(Q(ipv4=ipv4), online))
    if around := _prefixes(query):
        lies = Q(ipv6_prefix__in=around) | Q(delegated_prefix__in=around)
        alone = Q(ipv6=around[-1].removesuffix("/128"))
        return rows.filter(named | lies | _sessions(lies | alone, online))
    fits = Q(username_key__contains=query.lower()) | Q(full_name__icontains=query)
    fits |= Q(account_number__istartswith=query)
    digits = re.sub(r"[\s()/-]", "", query)
    if _PHONE.fullmatch(query) and len(digits) >= FEWEST_DIGITS:
        fits |= Q(phone__contains=digits.removeprefix("0"))
    return rows.filter(fits)


def _sessions(fits: Q, online: bool) -> Q:
    """Usernames of the sessions that are open and fit; one query to the RADIUS database."""
    if not online:
        return Q(pk__in=())
    open_ = Accounting.objects.filter(fits, stopped_at=None).values_list("username", flat=True)
    names, _ = asked(lambda: list(open_[:MOST_ONLINE]))
    return Q(username_key__in={normalised(name) for name in names or ()})


def _mac(text: str) -> str:
    try:
        return words.mac_of(text)
    except ValidationError:
        return ""


def _ipv4(text: str) -> str:
    try:
        return str(ipaddress.IPv4Address(text))
    except ValueError:
        return ""


def _prefixes(text: str) -> Sequence[str]:
    """All prefixes that an IPv6 address or prefix lies in, the longest last."""
    try:
        network = ipaddress.IPv6Network(text, strict=False)
    except ValueError:
        return ()
    lengths = range(words.SHORTEST_PREFIX, network.prefixlen + 1)
    return [str(network.supernet(new_prefix=length)) for length in lengths]
