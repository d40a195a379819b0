"""What `create_package` and `edit_package` are given: the fields of a package's form, and --rate."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandParser

from subscribers import rate_limit
from subscribers.forms import PackageForm
from subscribers.management.options import FormOptions, Given
from subscribers.models import Package
from subscribers.models.packages import rate_columns

RATE = "--rate"


class PackageOptions(FormOptions[PackageForm]):
    """Options of a package; a whole rate limit is one of them."""

    def add_to(self, parser: CommandParser) -> None:
        parser.add_argument(
            RATE,
            help="a whole Mikrotik-Rate-Limit, upload first, instead of the rates, bursts and priority "
            "that follow: '10M/40M 20M/60M 8M/30M 16/16'; those that are given too count",
        )
        super().add_to(parser)

    def given(self, options: Mapping[str, Any]) -> Given:
        """Raises ValidationError for a rate that is none."""
        found = super().given(options)
        if found.get("validity_days"):
            found.setdefault("validity", Package.Validity.DAYS)
        return self.of_rate(options) | found

    def of_rate(self, options: Mapping[str, Any]) -> Given:
        """What --rate says of each field. Raises ValidationError."""
        if options["rate"] is None:
            return {}
        try:
            limit = rate_limit.parse(options["rate"])
        except rate_limit.NotARateLimit as error:
            raise ValidationError(f"{RATE}: {error}.") from error
        package = Package()
        package.limit = limit
        values = {name: getattr(package, name) for name in rate_columns()}
        return {name: "" if value is None else value for name, value in values.items()}

    def places(self, options: Mapping[str, Any]) -> dict[str, str]:
        """The fields that --rate alone speaks of."""
        if options["rate"] is None:
            return {}
        own = super().given(options)
        return {name: RATE for name in rate_columns() if name not in own}
