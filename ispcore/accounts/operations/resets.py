"""Passwords that were forgotten: a link by mail that works once and not for long."""

import logging
from urllib.parse import quote

from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.contrib.auth.tokens import PasswordResetTokenGenerator, default_token_generator
from django.core.mail import send_mail
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse

from ispcore.accounts.models import Account
from ispcore.base import audit
from ispcore.base.audit import Actor

MOST_ACCOUNTS = 10  # that share one mail address
tokens: PasswordResetTokenGenerator = default_token_generator
log = logging.getLogger(__name__)


def send_links(email: str, *, base_url: str, address: str | None, by: Actor) -> int:
    """Mail a link to each active account with this address; returns how many were sent.

    Run by a job, for known and unknown addresses alike: who asked cannot tell by time or answer
    which one it was. The link is void once it was used, after an hour, after a login, and when
    the password or the mail address changes.
    """
    people = Account.objects.filter(is_active=True, is_machine=False)
    accounts = people.filter(email__iexact=email).exclude(email="")
    sent = 0
    for account in accounts[:MOST_ACCOUNTS]:
        if account.email.lower() != email.lower():
            continue  # a database may call addresses alike that lead to another person's box
        with audit.coming_from("job", address=address), transaction.atomic():
            audit.record("ask for password reset", account, by=by, tenant_id=account.tenant_id)
        text = render_to_string(
            "account/email/reset.txt",
            {
                "username": account.username,
                "url": _link(account, base_url),
                "minutes": settings.PASSWORD_RESET_TIMEOUT // 60,
                "address": address or "an unknown address",
                "portal": base_url,
            },
        )
        send_mail("Set a new password for the portal", text, None, [account.email])
        sent += 1
    return sent


def _link(account: Account, base_url: str) -> str:
    key = f"{user_pk_to_url_str(account)}-{tokens.make_token(account)}"
    path = reverse("account_reset_password_from_key", kwargs={"uidb36": "UID", "key": "KEY"})
    return base_url + path.replace("UID-KEY", quote(key))
