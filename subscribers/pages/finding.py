"""Finds subscribers by what people know of them: name, number, phone, device, address."""

import ipaddress
import re

from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet

from subscribers.models import Subscriber, words

FEWEST_DIGITS = 4
_PHONE = re.compile(r"\+?[\d\s()/-]+")


def fitting(rows: "QuerySet[Subscriber]", text: str) -> "QuerySet[Subscriber]":
    """Those of `rows` that `text` may mean. A MAC or IP address is asked for as a whole, which an
    index answers; anything else may stand anywhere in a name."""
    query = text.strip()
    if not query:
        return rows
    mac = _mac(query)
    if mac:
        return rows.filter(Q(mac=mac) | Q(username_key__in=[mac.lower(), query.lower()]))
    if address := _address(query):
        return rows.filter(Q(ipv4=address) | Q(username_key=query.lower()))
    fits = Q(username_key__contains=query.lower()) | Q(full_name__icontains=query)
    fits |= Q(account_number__istartswith=query)
    digits = re.sub(r"[\s()/-]", "", query)
    if _PHONE.fullmatch(query) and len(digits) >= FEWEST_DIGITS:
        fits |= Q(phone__contains=digits.removeprefix("0"))
    return rows.filter(fits)


def _mac(text: str) -> str:
    try:
        return words.mac_of(text)
    except ValidationError:
        return ""


def _address(text: str) -> str:
    try:
        return str(ipaddress.IPv4Address(text))
    except ValueError:
        return ""
