"""manage.py radius_client: enter, change or remove a router that may ask FreeRADIUS."""

import getpass
import os
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ispcore.base.audit import Actor
from radius.operations import nas

BY = Actor("manage.py radius_client")
SECRET = "RADIUS_CLIENT_SECRET"  # noqa: S105 - the variable's name


class Command(BaseCommand):
    help = (
        "Enter or change a router that may ask FreeRADIUS, or remove it. The secret that router and "
        f"FreeRADIUS share comes from the environment ({SECRET}) or is asked for. "
        "Example: RADIUS_CLIENT_SECRET=... manage.py radius_client 10.88.4.1 --name utt-edge-01. "
        "Exit code 0: done, FreeRADIUS needs no restart; 1: refused, nothing was changed."
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
            try:
                nas.remove(address, by=BY)
            except nas.UnknownClient as error:
                raise CommandError(str(error)) from error
            self.stdout.write(f"{address}: removed, its next packet is refused")
            return
        name = options["name"] or address[:32]
        client = nas.Client(address, name, _secret(), options["signs_requests"])
        try:
            nas.put(client, by=BY)
        except ValueError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{address}: may ask FreeRADIUS")


def _secret() -> str:
    given = os.environ.get(SECRET, "")
    if given or not sys.stdin.isatty():
        return given
    return getpass.getpass("Secret shared with FreeRADIUS: ")
