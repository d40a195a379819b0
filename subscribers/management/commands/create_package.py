"""manage.py create_package: what subscribers of a tenant can buy."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from ispcore.base.audit import Actor
from subscribers.forms import PackageForm
from subscribers.management.choosing import CODES, tenant_named
from subscribers.management.options import EMPTY
from subscribers.management.package_options import PackageOptions
from subscribers.models import Package
from subscribers.operations import packages

BY = Actor("manage.py create_package")
OPTIONS = PackageOptions(PackageForm, {"tenant": "tenant", "name": "name"})


class Command(BaseCommand):
    help = (
        "Make a package; its options are the fields of the form. "
        "Example: manage.py create_package 'Dhaka Fibre' 'Home 40' --rate 10M/40M --days 30 "
        f"--price 1200 --currency BDT --quota '500 GB'. {EMPTY} {CODES}"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("tenant", help="its name")
        parser.add_argument("name")
        OPTIONS.add_to(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        package = Package(tenant=tenant_named(options["tenant"]))
        with OPTIONS.refusals(OPTIONS.places(options)):
            given = OPTIONS.given(options) | {"name": options["name"]}
            made = packages.create(OPTIONS.filled(package, given).instance, by=BY)
        self.stdout.write(f"{made}: {made.limit.words}")
