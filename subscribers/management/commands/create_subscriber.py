"""manage.py create_subscriber: a new subscriber, in the portal and in FreeRADIUS."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from ispcore.base.audit import Actor
from subscribers import validity
from subscribers.management.choosing import (
    CODES,
    PASSWORD,
    instant,
    package_named,
    password_given,
    refusals,
    tenant_named,
    until,
)
from subscribers.models import Subscriber
from subscribers.operations import subscribers

BY = Actor("manage.py create_subscriber")
TEXTS = ("ipv4", "ipv6_prefix", "delegated_prefix", "mac", "full_name", "phone", "email")


class Command(BaseCommand):
    help = (
        f"Make a subscriber. The password is {PASSWORD} of the environment, what is typed, or one "
        "that is made up and printed. Example: manage.py create_subscriber 'Dhaka Fibre' rahim "
        f"--package 'Home 20'. {CODES}"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("tenant", help="its name")
        parser.add_argument("username")
        parser.add_argument("--package", required=True, help="its name")
        parser.add_argument(
            "--expires", default="", help=f"{validity.END_HELP}; left out: after one period"
        )
        parser.add_argument("--device-limit", type=int, default=None)
        for name in TEXTS:
            parser.add_argument(f"--{name.replace('_', '-')}", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = tenant_named(options["tenant"])
        package = package_named(options["package"], tenant)
        password, is_made_up = password_given()
        subscriber = Subscriber(
            tenant=tenant,
            package=package,
            service=package.service,
            username=options["username"],
            radius_password=password,
            expires_at=instant(options["expires"]) if options["expires"] else None,
            device_limit=options["device_limit"],
            **{name: options[name] for name in TEXTS},
        )
        with refusals():
            subscribers.create(subscriber, by=BY)
        self.stdout.write(
            f"{subscriber}: account number {subscriber.account_number}, {until(subscriber)}"
        )
        if is_made_up:
            self.stdout.write(f"{subscriber}: password {password}")
