"""manage.py edit_package: change a package; all its subscribers follow."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from ispcore.base.audit import Actor
from subscribers.forms import PackageForm
from subscribers.management.choosing import CODES, package_named, tenant_named
from subscribers.management.options import EMPTY
from subscribers.management.package_options import PackageOptions
from subscribers.operations import packages

BY = Actor("manage.py edit_package")
OPTIONS = PackageOptions(PackageForm, {"tenant": "tenant"})


class Command(BaseCommand):
    help = (
        "Change what is given of a package, and leave the rest as it stands; all its subscribers "
        "follow in the same unit. Example: manage.py edit_package 'Dhaka Fibre' 'Home 40' "
        f"--quota '500 GB' --past-quota throttle --throttled-down 2M --throttled-up 1M. {EMPTY} {CODES}"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("tenant", help="its name")
        parser.add_argument("package", help="its name now")
        OPTIONS.add_to(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        package = package_named(options["package"], tenant_named(options["tenant"]))
        with OPTIONS.refusals(OPTIONS.places(options)):
            changes = OPTIONS.changes(package, OPTIONS.given(options))
            if changes:
                package = packages.edit(package, changes=changes, by=BY)
        self.stdout.write(f"{package}: {OPTIONS.told(changes)} ({package.limit.words})")
