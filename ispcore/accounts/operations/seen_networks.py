"""From where a super user logs in, and word of it where that is new."""

from datetime import timedelta

from django.db import transaction

from ispcore.accounts import networks, security
from ispcore.accounts.models import Account, SeenNetwork
from ispcore.base import clock

FORGOTTEN_AFTER = timedelta(days=90)


def logged_in(account: Account, *, address: str | None) -> bool:
    """Note a login of `account`; True, and a notice, for a super user's from a network that was
    not seen for 90 days. The first network of all is taken as known: there is nothing to compare.
    """
    network = networks.neighbourhood(address or "")
    if not network or not account.is_superuser:
        return False
    now = clock.now()
    with transaction.atomic():
        known = SeenNetwork.objects.filter(account=account)
        is_first = not known.exists()
        recent = known.filter(network=network, last_seen_at__gt=now - FORGOTTEN_AFTER).exists()
        SeenNetwork.objects.update_or_create(
            account=account, network=network, defaults={"last_seen_at": now}
        )
    if is_first or recent:
        return False
    words = f"{account}, a super user, logged in from {address}: nobody did so from there lately"
    security.notice(security.NEW_ADDRESS, account=account, address=address, words=words)
    return True
