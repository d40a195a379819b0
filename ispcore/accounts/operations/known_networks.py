"""From where people log in, and word of a super user's login from somewhere new."""

from datetime import datetime, timedelta

from django.db import transaction

from ispcore.accounts import security
from ispcore.accounts.acting import acting_as
from ispcore.accounts.models import Account, KnownNetwork
from ispcore.base import clock
from ispcore.base.addresses import neighbourhood, network_of

FORGOTTEN_AFTER = timedelta(days=90)


def logged_in(account: Account, *, address: str | None) -> bool:
    """Note a login of `account`; True, and a notice, for a super user's from a neighbourhood that
    was not seen for 90 days. The first network of all is taken as known: there is nothing to
    compare.
    """
    if not address:
        return False
    now = clock.now()
    with acting_as(account), transaction.atomic():
        is_new = account.is_superuser and _is_new(account, address, at=now)
        KnownNetwork.objects.update_or_create(
            account=account, network=network_of(address), defaults={"last_login_at": now}
        )
    if is_new:
        words = (
            f"{account}, a super user, logged in from {address}: nobody did so from there lately"
        )
        security.notice(security.NEW_ADDRESS, account=account, address=address, words=words)
    return is_new


def _is_new(account: Account, address: str, *, at: datetime) -> bool:
    known = KnownNetwork.objects.filter(account=account)
    recent = known.filter(last_login_at__gt=at - FORGOTTEN_AFTER)
    here = neighbourhood(address)
    seen = {neighbourhood(network) for network in recent.values_list("network", flat=True)}
    return here not in seen and known.exists()
