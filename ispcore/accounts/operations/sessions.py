"""Logins and their sessions: who came in, and how sessions end."""

from allauth.usersessions.models import UserSession
from django.db import transaction

from ispcore.accounts.models import Account
from ispcore.base import audit, clock
from ispcore.base.audit import Actor

UNKNOWN_ADDRESS = "0.0.0.0"  # noqa: S104 - a session's row needs some address; nobody listens here


def logged_in(account: Account, *, second_factor: bool, by: Actor) -> None:
    """Somebody logged in."""
    how = "with password and second factor" if second_factor else "with password"
    with transaction.atomic():
        audit.record("log in", account, by=by, tenant_id=account.tenant_id, reason=how)


def seen(account: Account, *, session_key: str, address: str, user_agent: str) -> None:
    """The session was used just now; its row is made where it is missing (a new key, say)."""
    shown = {"ip": address or UNKNOWN_ADDRESS, "user_agent": user_agent[:200]}
    UserSession.objects.update_or_create(
        session_key=session_key, defaults={"user": account, "last_seen_at": clock.now(), **shown}
    )


def end(session: UserSession, *, by: Actor) -> None:
    """Log that one browser out. Its live socket closes within a minute."""
    account: Account = session.user
    with transaction.atomic():
        session.end()
        audit.record(
            "end session",
            account,
            by=by,
            old={"address": session.ip, "browser": session.user_agent},
            tenant_id=account.tenant_id,
        )


def end_all(account: Account, *, by: Actor, but: str = "") -> int:
    """Log an account out everywhere, except where the session's key is `but`; returns from how
    many browsers."""
    with transaction.atomic():
        sessions = list(UserSession.objects.filter(user=account).exclude(session_key=but))
        for session in sessions:
            session.end()
        audit.record(
            "end sessions",
            account,
            by=by,
            new={"sessions": len(sessions)},
            tenant_id=account.tenant_id,
        )
    return len(sessions)


def forget() -> int:
    """Delete the rows of sessions that ended by themselves; returns how many."""
    from django.contrib.sessions.models import Session

    living = Session.objects.filter(expire_date__gt=clock.now()).values("session_key")
    deleted: int = UserSession.objects.exclude(session_key__in=living).delete()[0]
    return deleted
