"""manage.py create_package: what subscribers of a tenant can buy."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ispcore.base.audit import Actor
from subscribers import rate_limit
from subscribers.management.choosing import CODES, refusals, tenant_named
from subscribers.models import Package, Service
from subscribers.operations import packages

BY = Actor("manage.py create_package")


class Command(BaseCommand):
    help = (
        "Make a package. The rate is written as RouterOS has it, upload first: "
        "'10M/40M 20M/60M 8M/30M 16/16'. Example: manage.py create_package 'Dhaka Fibre' 'Home 40' "
        f"--rate 10M/40M --type pppoe --days 30. {CODES}"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("tenant", help="its name")
        parser.add_argument("name")
        parser.add_argument("--rate", required=True, help="a Mikrotik-Rate-Limit: up/down ...")
        parser.add_argument("--type", default=Service.PPPOE, choices=Service.values)
        parser.add_argument("--days", type=int, help="valid for; left out: a calendar month")
        parser.add_argument("--devices", type=int, default=1, help="at the same time; 0: no limit")
        parser.add_argument("--ipv4-pool", default="", help="name of the pool on the routers")
        parser.add_argument("--quota-gb", type=int, help="10^9 octets in a period")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            limit = rate_limit.parse(options["rate"])
        except rate_limit.NotARateLimit as error:
            raise CommandError(f"{error}. Nothing was changed.") from error
        days, quota_gb = options["days"], options["quota_gb"]
        package = Package(
            tenant=tenant_named(options["tenant"]),
            name=options["name"],
            service=options["type"],
            validity=Package.Validity.DAYS if days else Package.Validity.MONTH,
            validity_days=days,
            device_limit=options["devices"] or None,
            ipv4_pool=options["ipv4_pool"],
            quota_octets=None if quota_gb is None else quota_gb * 10**9,
        )
        package.limit = limit
        with refusals(Package):
            packages.create(package, by=BY)
        self.stdout.write(f"{package}: {package.limit.words}")
