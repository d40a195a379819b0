"""What the routers commands share: choosing routers by name, and exit codes that mean something."""

from collections.abc import Sequence

from django.core.management.base import CommandError, CommandParser

from routers.models import Router

NOTHING_ANSWERED = 2
SOME_FAILED = 1


def add_router_argument(parser: CommandParser) -> None:
    parser.add_argument("routers", nargs="*", metavar="ROUTER", help="names; none means all polled")


def chosen(names: Sequence[str]) -> list[Router]:
    """The named routers, or all that are polled. Raises CommandError naming the unknown ones."""
    if not names:
        return list(Router.objects.filter(is_polled=True))
    found = {router.name: router for router in Router.objects.filter(name__in=names)}
    unknown = [name for name in names if name not in found]
    if unknown:
        known = ", ".join(Router.objects.values_list("name", flat=True)[:20]) or "none"
        raise CommandError(
            f"no router named {', '.join(unknown)} (there are: {known})", returncode=2
        )
    return [found[name] for name in names]


def failure(failed: int, total: int, words: str) -> CommandError:
    """Exit code 2 where nothing worked, 1 where only some did."""
    code = NOTHING_ANSWERED if failed == total else SOME_FAILED
    return CommandError(f"{failed} of {total} {words}", returncode=code)
