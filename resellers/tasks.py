"""Jobs of the resellers app."""

from resellers.models import Reseller
from resellers.operations import interfaces, usage
from routers.models import Router
from routers.operations import status


def evaluate() -> str:
    """Judge routers, resellers and mappings by the rules, also where nothing is collected."""
    routers = list(Router.objects.filter(is_polled=True))
    status.evaluate(routers)
    resellers = list(Reseller.objects.select_related("tenant", "plan"))
    usage.evaluate(resellers)
    interfaces.judge_all()
    return f"{len(routers)} routers and {len(resellers)} resellers judged"


def roll_up() -> str:
    """Sum up what a collection could not: it was killed, or rows came from elsewhere."""
    return f"{usage.roll_up()} hours rolled up"
