"""Tickets into the live socket: single use, and good for half a minute."""

import secrets
from datetime import timedelta

from ispcore.accounts import token_text
from ispcore.accounts.api_identity import Bearer
from ispcore.accounts.models import LiveTicket
from ispcore.base import clock

GOOD_FOR_S = 30


def issue(bearer: Bearer) -> str:
    """A ticket for whoever came by `bearer`; expired ones are forgotten by the way."""
    text, now = secrets.token_urlsafe(32), clock.now()
    LiveTicket.objects.filter(expires_at__lte=now).delete()
    LiveTicket.objects.create(
        digest=token_text.digest(text),
        login_id=bearer.login_id,
        token_id=bearer.token_id,
        expires_at=now + timedelta(seconds=GOOD_FOR_S),
    )
    return text


def redeem(text: str) -> Bearer | None:
    """What the ticket was issued for, once; the number of rows deleted decides who came first."""
    good = LiveTicket.objects.filter(digest=token_text.digest(text), expires_at__gt=clock.now())
    ticket = good.first()
    if ticket is None or not LiveTicket.objects.filter(pk=ticket.pk).delete()[0]:
        return None
    return Bearer(login_id=ticket.login_id, token_id=ticket.token_id)
