"""What a package's form comes to: its rate limit in words and as the router gets it, who follows."""

from dataclasses import dataclass
from typing import Any

from django import forms

from ispcore.base import units
from subscribers import projection, queries, rate_limit
from subscribers.models import Package, Subscriber
from subscribers.models.packages import rate_columns
from subscribers.rate_limit import Pair, RateLimit

RATES = rate_columns()


@dataclass(frozen=True, slots=True)
class Preview:
    """`radius` is the text of Mikrotik-Rate-Limit, "" where what was typed makes none; `follows`
    says what becomes of those who have the package."""

    words: str
    radius: str
    faults: tuple[str, ...] = ()
    members: int = 0
    follows: str = ""


def of_package(package: Package) -> Preview:
    """Of what is stored."""
    limit = package.limit
    return Preview(limit.words, str(limit), members=members_of(package))


def of_form(form: "forms.ModelForm[Any]", stored: Package | None) -> Preview:
    """Of what has been typed so far, complete or not."""
    before = queries.terms_of(stored) if stored else None
    members = members_of(stored) if stored else 0
    form.is_valid()
    given = {name: form.cleaned_data.get(name) for name in RATES}
    said = [str(text) for name in RATES for text in form.errors.get(name, [])]
    if not given["down_bps"] or not given["up_bps"]:
        return Preview("", "", tuple(dict.fromkeys(said)), members)
    limit = _limit(given)
    said += [each.words for each in rate_limit.faults(limit)]
    faults = tuple(dict.fromkeys(said))
    follows = "" if form.errors or before is None else _follows(before, form, members)
    return Preview(
        "" if faults else limit.words, "" if faults else str(limit), faults, members, follows
    )


def _limit(given: dict[str, Any]) -> RateLimit:
    def pair(part: str, unit: str = "bps") -> Pair:
        return Pair(given[f"{part}up_{unit}"] or 0, given[f"{part}down_{unit}"] or 0)

    return rate_limit.made(
        pair(""),
        pair("burst_"),
        pair("threshold_"),
        pair("burst_", "s"),
        given["priority"],
        pair("least_"),
    )


def _follows(before: projection.Terms, form: Any, members: int) -> str:
    """How the change comes to those who have the package."""
    after = queries.terms_of(form.instance)
    if not members or after == before:
        return ""
    if after.own_part != before.own_part:
        return f"The rows of all {members:,} are written anew in one go; nobody else can be changed meanwhile."
    return f"One group of rows changes, {projection.group_of(before.package_id)}, and with it all {members:,}."


def members_of(package: Package) -> int:
    return Subscriber.objects.filter(package=package).count()


def two_rates(down_bps: int, up_bps: int) -> str:
    return f"{units.format_bps(down_bps)} down, {units.format_bps(up_bps)} up"


__all__ = ["Preview", "members_of", "of_form", "of_package", "two_rates"]
