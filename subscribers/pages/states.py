"""A subscriber's state in words: whether the line may log in, until when, and why not."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from ispcore.base import clock, units
from ispcore.base.templatetags.isp import last_day, plural
from subscribers.models import Package, StatusChange, Subscriber
from subscribers.operations import periods

Status = Subscriber.Status
KINDS = {
    Status.ACTIVE: "ok",
    Status.SUSPENDED: "warning",
    Status.EXPIRED: "warning",
    Status.DISABLED: "low",
}
SOON = timedelta(days=3)
VALID = {"month": "a calendar month", "none": "no end"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """One icon, one sentence, and what follows of it."""

    kind: str
    words: str
    more: str = ""


def shown_status(subscriber: Subscriber, now: datetime) -> tuple[str, str]:
    """(kind, word): who has run out is expired from that second on, whenever the job comes by."""
    status = Status(subscriber.status)
    if status == Status.ACTIVE and is_over(subscriber, now):
        status = Status.EXPIRED
    return KINDS[status], str(status.label)


def is_over(subscriber: Subscriber, now: datetime) -> bool:
    return subscriber.expires_at is not None and subscriber.expires_at <= now


def verdict(subscriber: Subscriber, last: StatusChange | None) -> Verdict:
    """ "Active until 31 Dec 2026, 18:00, for another 34 d 2 h"."""
    now = clock.now()
    kind, word = shown_status(subscriber, now)
    if word == Status.ACTIVE.label:
        return _active(subscriber, now)
    if word == Status.EXPIRED.label:
        assert subscriber.expires_at is not None  # noqa: S101 - a constraint says so
        at = subscriber.expires_at
        words = f"Expired {units.format_duration(now - at)} ago, on {day_and_time(at)}"
        return Verdict(kind, words, f"{_refused(subscriber)} Renew it to let it log in.")
    words = word
    if last is not None:
        words = f"{word} for {units.format_duration(now - last.at)}, by {last.by}"
        words += f": {last.reason}" if last.reason else ""
    if word == Status.DISABLED.label:
        return Verdict(kind, words, "Every login is refused.")
    return Verdict(kind, words, _refused(subscriber))


def _active(subscriber: Subscriber, now: datetime) -> Verdict:
    if subscriber.expires_at is None:
        return Verdict("ok", "Active, without end")
    left = subscriber.expires_at - now
    words = f"Active until {day_and_time(subscriber.expires_at)}"
    more = f"For another {units.format_duration(left)}."
    return Verdict("warning" if left < SOON else "ok", words, more)


def _refused(subscriber: Subscriber) -> str:
    if subscriber.package.is_walled:
        return "It logs in all the same, into the walled garden."
    return "Every login is refused."


def when_suspended(subscriber: Subscriber) -> str:
    """What follows of suspending it now."""
    follows = "It logs in into the walled garden" if subscriber.package.is_walled else "No login"
    return f"{follows} until it is resumed. A session that is open goes on until it ends."


def when_resumed(subscriber: Subscriber) -> str:
    """What follows of taking it up again now."""
    if is_over(subscriber, clock.now()):
        return "It has run out meanwhile, and will be expired: renew it then."
    return "It logs in again from now on."


def day_and_time(at: datetime) -> str:
    """31 Dec 2026, 18:00 in the ISP's zone."""
    local = at.astimezone(clock.isp_zone())
    return f"{local.day} {local:%b %Y, %H:%M}"


def lasting_words(subscriber: Subscriber) -> str:
    """ "rahim lasts until 31 Dec 2026, 18:00."; "rahim has run out: its end was 2 Jan 2026, 00:00."."""
    at = subscriber.expires_at
    if at is None:
        return f"{subscriber} has no end."
    if is_over(subscriber, clock.now()):
        return f"{subscriber} has run out: its end was {day_and_time(at)}."
    return f"{subscriber} lasts until {day_and_time(at)}."


def validity_words(package: Package) -> str:
    days = package.validity_days or 1
    return VALID.get(package.validity) or plural(days, "day")


def end_words(subscriber: Subscriber, package: Package, *, at_next_period: bool = False) -> str:
    """What becomes of its end with another package: "27 Dec 2026, a first period from now", "stays
    10 Dec 2026"."""
    end, since = periods.end_with(subscriber, package, at_next_period=at_next_period)
    if end is None:
        return "stays without end"
    if since is None:
        return f"stays {last_day(end)}"
    begins = day_and_time(since) if at_next_period else "now"
    return f"{last_day(end)}, a first period from {begins}"


def ends_words(subscriber: Subscriber, packages: Iterable[Package]) -> list[str]:
    """`end_words` of each length that the packages have, as sentences: now, and with the next
    period."""
    kinds = {
        _kind(each): each
        for each in sorted(packages, key=lambda each: (each.validity, each.validity_days or 0))
    }
    found = []
    for kind, each in kinds.items():
        now = end_words(subscriber, each)
        later = end_words(subscriber, each, at_next_period=True)
        both = f"{kind}, valid until: {now}; with the next period: {later}."
        found.append(both if now != later else f"{kind}: {now}.")
    return found


def _kind(package: Package) -> str:
    is_endless = package.validity == Package.Validity.NONE
    return "A package without end" if is_endless else f"A package for {validity_words(package)}"


def price_words(package: Package) -> str:
    """ "BDT 1,050.00", "none"."""
    if not package.price:
        return "none"
    return f"{package.currency} {package.price:,.2f}".strip()


def quota_words(package: Package) -> str:
    """ "500 GB, then 1 Mbps down, 512 kbps up"."""
    if not package.quota_octets:
        return "no quota"
    said = units.format_octets(package.quota_octets)
    if package.past_quota == Package.PastQuota.THROTTLE:
        down, up = package.throttled_down_bps, package.throttled_up_bps
        return f"{said}, then {units.format_bps(down)} down, {units.format_bps(up)} up"
    return f"{said}, then it stops"
