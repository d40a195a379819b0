"""Subscribers from a CSV file: first a plan of all of it, then units of about 2,000, each whole."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from django.core.exceptions import ValidationError

from ispcore.accounts.models import Tenant
from ispcore.accounts.roles import May
from ispcore.base import audit, clock, faults
from ispcore.base.audit import Actor
from ispcore.base.rls import identity
from radius.rows import normalised
from subscribers import validity
from subscribers.models import Package, Subscriber
from subscribers.operations import (
    account_numbers,
    judging,
    passwords,
    prefixes,
    strangers,
    subscribers,
    units,
)
from subscribers.queries import PIECE

NEEDED = ("username", "package")
OPTIONAL = (
    *("password", "expires", "device_limit", "ipv4", "ipv6_prefix", "delegated_prefix", "mac"),
    *("full_name", "phone", "email", "address", "notes"),
)
FILE = 1  # the line of what is wrong with the file itself
MOST_LINES = 100_000
MOST_NAMED = 5
RAN_OUT = "its end was past when it was imported"
# of which no two lines of a file may have the same
ONCE = ("username_key", "ipv4", "ipv6_prefix", "delegated_prefix")


class TooManyFaults(Exception):
    """The file has faults; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one line of the file, the head of which is line 1."""

    line: int
    words: str


@dataclass(slots=True)
class Plan:
    """What an import would do. `fresh` are the rows of who is to be made, as they were read."""

    tenant: Tenant
    packages: dict[str, Package]
    fresh: list[dict[str, str]] = field(default_factory=list)
    present: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    made_up: int = 0
    """How many get a password that we make up."""
    take_over: bool = False
    """Rows that were made by hand are replaced; else they are faults."""
    by_hand: int = 0
    """How many have such."""
    expired: int = 0
    """How many have an end that is past: they are stored as expired."""


def plan(tenant: Tenant, file: Iterable[str], *, take_over: bool = False) -> Plan:
    """Read all of the file and say what is wrong with which line; changes nothing.

    Who is there already, with this tenant, is left as it is. `take_over` as with
    `subscribers.create`. Raises NotProvisioned where FreeRADIUS' database cannot be asked.
    """
    packages = {each.name: each for each in Package.objects.filter(tenant=tenant)}
    made = Plan(tenant, packages, take_over=take_over)
    reader = csv.DictReader(file)
    try:
        made.faults += _faults_of_head(reader.fieldnames or ())
        if not made.faults:
            _read(made, reader)
    except csv.Error as error:
        made.faults.append(Fault(max(reader.line_num, FILE), f"This is no line of CSV: {error}."))
    made.faults.sort(key=lambda fault: fault.line)
    return made


def _read(made: Plan, reader: "csv.DictReader[str]") -> None:
    """Raises csv.Error."""
    seen: dict[tuple[str, str], int] = {}
    read: list[tuple[int, dict[str, str], Subscriber]] = []
    with_prefixes: list[tuple[int, Subscriber]] = []
    for row in _rows(reader, made):
        read.append(row)
        if len(read) == PIECE:
            with_prefixes += _judge(made, read, seen)
            read = []
    with_prefixes += _judge(made, read, seen)
    made.faults += [Fault(line, said) for line, said in prefixes.clashes(with_prefixes)]


def apply(made: Plan, *, by: Actor) -> Iterator[int]:
    """Make the subscribers of a plan without faults; yields how many each unit made.

    A unit that fails leaves those before it: the same file again goes on from there. Raises
    TooManyFaults, ValidationError, MadeByHand among them, NotYours.
    """
    units.allow(by, May.EDIT_SUBSCRIBERS, *made.packages.values())
    if made.faults:
        raise TooManyFaults(f"The file has {len(made.faults)} faults. {faults.UNCHANGED}")
    for at in range(0, len(made.fresh), PIECE):
        rows = made.fresh[at : at + PIECE]
        keys = [normalised(row["username"]) for row in rows]
        replaced = strangers.taken_over(keys, by=by, take_over=made.take_over)
        yield units.run(
            f"import {len(rows)} subscribers",
            units.usernames(*keys),
            partial(_store, made, rows, by, replaced),
            bulk=True,
        )


def _store(
    made: Plan, rows: Sequence[Mapping[str, str]], by: Actor, replaced: strangers.Found
) -> int:
    tenant = made.tenant
    made.packages = {each.name: each for each in Package.objects.filter(tenant=tenant)}
    fresh = [_subscriber(made, row) for row in rows]
    there = _keys_there([each.username_key for each in fresh])
    fresh = [each for each in fresh if each.username_key not in there]
    for each in fresh:  # the packages may be other ones than when the file was read
        judging.check(each)
    prefixes.hold(*fresh)
    judging.refuse_taken(*fresh)
    for each, number in zip(fresh, account_numbers.take(tenant.pk, len(fresh)), strict=True):
        each.account_number = number
    Subscriber.objects.bulk_create(fresh, batch_size=500)
    over = [each for each in fresh if each.status == Subscriber.Status.EXPIRED]
    units.note_statuses([(each, "") for each in over], by=by, reason=RAN_OUT)
    changes: dict[int, tuple[dict[str, object], dict[str, object]]] = {
        each.pk: ({}, strangers.noted(replaced, each.username_key) | audit.snapshot(each))
        for each in fresh
    }
    audit.record_batch("create", fresh, by=by, changes=changes, scope=f"import for {tenant}")
    return len(fresh)


def _faults_of_head(names: Sequence[str]) -> list[Fault]:
    lacking = [name for name in NEEDED if name not in names]
    strange = [name for name in names if name not in NEEDED + OPTIONAL]
    found = []
    if lacking:
        found.append(Fault(FILE, f"There is no column {' or '.join(lacking)}."))
    if strange:
        known = ", ".join(NEEDED + OPTIONAL)
        said = ", ".join(name[:40] for name in strange[:MOST_NAMED])
        found.append(Fault(FILE, f"Unknown column: {said} (known: {known})."))
    return found


def _rows(
    reader: "csv.DictReader[str]", made: Plan
) -> Iterator[tuple[int, dict[str, str], Subscriber]]:
    """(line, row, subscriber) of each line that makes sense by itself; faults of the others."""
    for count, row in enumerate(reader, 1):
        line = reader.line_num
        if count > MOST_LINES:
            said = f"A file has at most {MOST_LINES:,} lines: cut it into several."
            made.faults.append(Fault(line, said))
            return
        if None in row or None in row.values():
            made.faults.append(Fault(line, "It has not as many cells as the head."))
            continue
        try:
            subscriber = _subscriber(made, row)
            judging.check(subscriber)
        except ValidationError as error:
            said = faults.words_of(error, Subscriber).removesuffix(faults.UNCHANGED).strip()
            made.faults.append(Fault(line, said))
            continue
        yield line, row, subscriber


def _judge(
    made: Plan,
    read: Sequence[tuple[int, dict[str, str], Subscriber]],
    seen: dict[tuple[str, str], int],
) -> list[tuple[int, Subscriber]]:
    """What lines have together with each other, and with subscribers who are there; returns those to
    be made that have prefixes."""
    there = _keys_there([subscriber.username_key for _, _, subscriber in read])
    fresh: list[tuple[int, Subscriber]] = []
    for line, row, subscriber in read:
        if fault := _seen_before(subscriber, line, seen):
            made.faults.append(fault)
        elif (owner := there.get(subscriber.username_key)) == made.tenant.pk:
            made.present.append(subscriber.username)
        elif owner is not None:
            made.faults.append(Fault(line, f"“{subscriber.username}” is taken."))
        else:
            fresh.append((line, subscriber))
            made.fresh.append(row)
            made.made_up += not row.get("password")
            made.expired += subscriber.status == Subscriber.Status.EXPIRED
    made.faults += [*_taken(fresh), *_made_by_hand(made, fresh)]
    return [(line, each) for line, each in fresh if each.ipv6_prefix or each.delegated_prefix]


def _seen_before(
    subscriber: Subscriber, line: int, seen: dict[tuple[str, str], int]
) -> Fault | None:
    for name in ONCE:
        value = getattr(subscriber, name)
        if value and (first := seen.setdefault((name, value), line)) != line:
            return Fault(line, f"{value} stands in line {first} already.")
    return None


def _taken(fresh: Sequence[tuple[int, Subscriber]]) -> list[Fault]:
    """Addresses of others, found by one query where there are none."""
    try:
        judging.refuse_taken(*(subscriber for _, subscriber in fresh))
        return []
    except ValidationError:
        pass
    found = []
    for line, subscriber in fresh:
        try:
            judging.refuse_taken(subscriber)
        except ValidationError as error:
            found.append(Fault(line, " ".join(error.messages)))
    return found


def _made_by_hand(made: Plan, fresh: Sequence[tuple[int, Subscriber]]) -> list[Fault]:
    there = strangers.found([subscriber.username_key for _, subscriber in fresh])
    made.by_hand += len(there)
    if made.take_over:
        return []
    lines = {subscriber.username_key: line for line, subscriber in fresh}
    return [
        Fault(lines.get(key, FILE), strangers.words(key, names)) for key, names in there.items()
    ]


@identity.acting_for_all()
def _keys_there(keys: Sequence[str]) -> dict[str, int]:
    """Whose each of these usernames is."""
    rows = Subscriber.objects.filter(username_key__in=keys).order_by()
    return dict(rows.values_list("username_key", "tenant_id"))


def _subscriber(made: Plan, row: Mapping[str, str]) -> Subscriber:
    """Raises ValidationError."""
    given = {name: row.get(name) or "" for name in NEEDED + OPTIONAL}
    cells = {name: text.replace("\0", "\ufffd").strip() for name, text in given.items()}
    package = made.packages.get(cells["package"])
    if package is None:
        raise ValidationError(
            {"package": f"{made.tenant} has no package “{cells['package'][:80]}”."}
        )
    plain = {name: cells[name] for name in OPTIONAL if name not in {"password", "expires"}}
    plain["device_limit"] = plain["device_limit"] or None  # type: ignore[assignment]
    subscriber = Subscriber(
        tenant=made.tenant,
        package=package,
        service=package.service,
        username=cells["username"],
        radius_password=cells["password"] or passwords.generate(),
        expires_at=_instant(cells["expires"]),
        **plain,
    )
    subscribers.begin(subscriber)
    judging.tidy(subscriber)
    return subscriber


def _instant(text: str) -> datetime | None:
    """Raises ValidationError."""
    if not text:
        return None
    try:
        return validity.end_given(text, zone=clock.isp_zone())
    except ValueError as error:
        words_ = f"“{text[:40]}” is no date or time: write it like 2026-12-31."
        raise ValidationError({"expires_at": words_}) from error


__all__ = ["Fault", "Plan", "TooManyFaults", "apply", "plan"]
