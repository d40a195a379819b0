"""manage.py radius_client: enter, change or remove a router that may ask FreeRADIUS."""

import contextlib
import getpass
import os
import sys
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ispcore.base import faults
from ispcore.base.audit import Actor
from ispcore.base.unit_of_work import BeingDecided, NotProvisioned
from radius.operations.nas import Client
from routers.operations import radius_clients

BY = Actor("manage.py radius_client")
SECRET = "RADIUS_CLIENT_SECRET"  # noqa: S105 - the variable's name
OPTIONS = {"secret": SECRET, "name": "--name"}  # where what is refused was given


class Command(BaseCommand):
    help = (
        "Enter or change a router that may ask FreeRADIUS, or remove it. The secret that router and "
        f"FreeRADIUS share comes from the environment ({SECRET}) or is asked for. "
        "Example: RADIUS_CLIENT_SECRET=... manage.py radius_client 10.88.4.1 --name utt-edge-01. "
        "A row that somebody made in nas by hand is taken over by entering its address. "
        "Exit code 0: done, FreeRADIUS needs no restart; 1: refused, or a database is away, and "
        "nothing was changed; 2: it is being decided."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("address", help="the address that its packets come from")
        parser.add_argument("--name", default="", help="left out: the address")
        parser.add_argument(
            "--signs-requests",
            action="store_true",
            help="refuse its requests without Message-Authenticator (RouterOS 7.15 and newer, "
            "require-message-auth)",
        )
        parser.add_argument("--remove", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        address = options["address"]
        if options["remove"]:
            with _refusals():
                radius_clients.remove(address, by=BY)
            self.stdout.write(f"{address}: removed, its next packet is refused")
            return
        name = options["name"] or address[:32]
        client = Client(address, name, _secret(), options["signs_requests"])
        with _refusals():
            radius_clients.put(client, by=BY)
        self.stdout.write(f"{address}: may ask FreeRADIUS")


@contextlib.contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        field, _, said = str(error).partition(":")
        raise CommandError(f"{OPTIONS.get(field, field)}:{said}. {faults.UNCHANGED}") from error
    except (radius_clients.UnknownClient, NotProvisioned) as error:
        raise CommandError(faults.words_of(error)) from error
    except BeingDecided as error:
        raise CommandError(str(error), returncode=2) from error


def _secret() -> str:
    """Raises CommandError where none is given, and there is nobody to ask."""
    given = os.environ.get(SECRET, "")
    if not given and sys.stdin.isatty():
        given = getpass.getpass("Secret shared with FreeRADIUS: ")
    if not given:
        raise CommandError(
            f"{SECRET}: no secret is given: set it in the environment, or type it at a terminal. "
            f"{faults.UNCHANGED}"
        )
    return given
