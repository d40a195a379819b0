"""manage.py create_subscriber: a new subscriber, in the portal and in FreeRADIUS."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from ispcore.base.audit import Actor
from subscribers import validity
from subscribers.forms import NewSubscriberForm
from subscribers.management.choosing import (
    CODES,
    PASSWORD,
    instant,
    package_named,
    password_given,
    take_over_option,
    tenant_named,
    until,
)
from subscribers.management.options import FormOptions
from subscribers.models import Subscriber
from subscribers.operations import subscribers

BY = Actor("manage.py create_subscriber")
OPTIONS = FormOptions(
    NewSubscriberForm,
    {
        "username": "username",
        "package": "--package",
        "radius_password": PASSWORD,
        "until": "--expires",
        "expires_at": "--expires",
    },
)


class Command(BaseCommand):
    help = (
        f"Make a subscriber. The password is {PASSWORD} of the environment, what is typed, or one "
        "that is made up and printed. Example: manage.py create_subscriber 'Dhaka Fibre' rahim "
        f"--package 'Home 20' --full-name 'Rahim Uddin' --address 'House 7, Uttara'. {CODES}"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("tenant", help="its name")
        parser.add_argument("username")
        parser.add_argument("--package", required=True, help="its name")
        parser.add_argument(
            "--expires", default="", help=f"{validity.END_HELP}; left out: after one period"
        )
        OPTIONS.add_to(parser)
        take_over_option(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        package = package_named(options["package"], tenant_named(options["tenant"]))
        ends_at = instant(options["expires"]) if options["expires"] else None
        password, is_made_up = password_given()
        given = OPTIONS.given(options) | {
            "package": package.pk,
            "username": options["username"],
            "radius_password": password,
        }
        with OPTIONS.refusals():
            subscriber = OPTIONS.filled(Subscriber(), given).instance
            subscriber.expires_at = ends_at
            subscribers.create(subscriber, by=BY, take_over=options["take_over"])
        self.stdout.write(
            f"{subscriber}: account number {subscriber.account_number}, {until(subscriber)}"
        )
        if is_made_up:
            self.stdout.write(f"{subscriber}: password {password}")
