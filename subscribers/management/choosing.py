"""What the commands for subscribers share: whom they are about, and refusals in words."""

import contextlib
import os
import sys
from collections.abc import Iterator
from datetime import datetime
from getpass import getpass
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import models

from ispcore.accounts.models import Tenant
from ispcore.base import clock, faults
from ispcore.base.unit_of_work import BeingDecided
from radius.rows import normalised
from subscribers import validity
from subscribers.models import Package, Subscriber
from subscribers.operations import passwords
from subscribers.operations.refusals import REFUSALS
from subscribers.operations.strangers import MadeByHand

TAKE_OVER = "take-over"
PASSWORD = "SUBSCRIBER_PASSWORD"  # noqa: S105 - the name of a variable
CODES = "Exit code 0: done; 1: refused, nothing was changed; 2: it is being decided."


@contextlib.contextmanager
def refusals(model: type[models.Model] = Subscriber) -> Iterator[None]:
    """What an operation refuses becomes the command's error, in words. Raises CommandError."""
    try:
        yield
    except MadeByHand as error:
        said = faults.words_of(error, model).removesuffix(faults.UNCHANGED)
        raise CommandError(f"{said}--{TAKE_OVER} replaces them. {faults.UNCHANGED}") from error
    except REFUSALS as error:
        raise CommandError(faults.words_of(error, model)) from error
    except BeingDecided as error:
        raise CommandError(faults.words_of(error), returncode=2) from error


class SubscriberCommand(BaseCommand):
    """A command about one subscriber, who is named first."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--reason", default="", help="goes into the record")

    def handle(self, *args: Any, **options: Any) -> None:
        subscriber = subscriber_named(options["username"])
        with refusals():
            self.stdout.write(self.act(subscriber, options))

    def act(self, subscriber: Subscriber, options: dict[str, Any]) -> str:
        """Do it; returns what was done, in a line."""
        raise NotImplementedError


def take_over_option(parser: CommandParser) -> None:
    parser.add_argument(
        f"--{TAKE_OVER}",
        action="store_true",
        help="replace rows that RADIUS has of a username already, made by hand; the names of their "
        "attributes go into the record",
    )


def subscriber_named(username: str) -> Subscriber:
    """Raises CommandError where nobody has the name."""
    found = Subscriber.objects.filter(username_key=normalised(username)).first()
    if found is None:
        raise CommandError(f"there is no subscriber {username}. {faults.UNCHANGED}")
    return found


def tenant_named(name: str) -> Tenant:
    """Raises CommandError."""
    found = Tenant.objects.filter(name=name).first()
    if found is None:
        known = ", ".join(Tenant.objects.values_list("name", flat=True)[:20]) or "none"
        raise CommandError(f"no tenant named {name} (there are: {known}). {faults.UNCHANGED}")
    return found


def package_named(name: str, tenant: Tenant) -> Package:
    """Raises CommandError."""
    found = Package.objects.filter(tenant=tenant, name=name).first()
    if found is None:
        rows = Package.objects.filter(tenant=tenant).values_list("name", flat=True)
        known = ", ".join(rows[:20]) or "none"
        raise CommandError(f"{tenant} has no package {name} (it has: {known}). {faults.UNCHANGED}")
    return found


def instant(text: str) -> datetime:
    """An end, as `validity.end_given` reads it. Raises CommandError."""
    try:
        return validity.end_given(text, zone=clock.isp_zone())
    except ValueError as error:
        said = f"“{text}” is no date or time: write it like 2026-12-31. {faults.UNCHANGED}"
        raise CommandError(said) from error


def password_given() -> tuple[str, bool]:
    """The password, and whether we made it up: from the environment, or asked for, never from an
    argument, which everybody on the machine can read."""
    given = os.environ.get(PASSWORD, "")
    if not given and sys.stdin.isatty():
        given = getpass("RADIUS password (empty: one is made up): ")
    return (given, False) if given else (passwords.generate(), True)


def until(subscriber: Subscriber) -> str:
    """ "until 2026-12-31 18:00", in the ISP's zone."""
    if subscriber.expires_at is None:
        return "without end"
    return f"until {subscriber.expires_at.astimezone(clock.isp_zone()):%Y-%m-%d %H:%M}"
