"""What a session remembers of its person: when they proved who they are, when they were here."""

from typing import Any

from allauth.account.internal.flows.login import AUTHENTICATION_METHODS_SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest

from ispcore.accounts import policies
from ispcore.accounts.models import Account
from ispcore.base import clock

PROVED_AT = "proved_at"
SEEN_AT = "seen_at"
SEEN_KEY = "seen_key"
TOUCH_EVERY_S = 60.0
FRESH_S = 600.0  # after a login or a confirmation, the dangerous is asked for without another
FRESH_TO_SEND_S = 1800.0  # a form that was opened freshly may be sent for this long


def begin(sender: Any, request: HttpRequest, user: Any, **about: Any) -> None:
    """A login, through whatever door: Django's signal of it is what all of them have in common."""
    now = clock.now().timestamp()
    request.session[PROVED_AT] = request.session[SEEN_AT] = now


def is_fresh(request: HttpRequest, *, within_s: float = FRESH_S) -> bool:
    """Whether who sits there proved of late who they are: at the login, or asked again since."""
    proved = [float(request.session.get(PROVED_AT, 0.0))]
    records = request.session.get(AUTHENTICATION_METHODS_SESSION_KEY)
    if isinstance(records, list):
        proved += [float(record.get("at", 0.0)) for record in records]
    return clock.now().timestamp() - max(proved) < within_s


def is_welcome(session: SessionBase, account: Account) -> bool:
    """Neither idle for too long nor without the second factor that the role asks for."""
    is_idle = idle_s(session) > policies.of(account).idle_timeout_s
    return not is_idle and not policies.lacks_second_factor(account)


def idle_s(session: SessionBase) -> float:
    """Seconds since a page was opened; live lines and pages that fetch themselves do not count."""
    seen_at = session.get(SEEN_AT)
    return clock.now().timestamp() - float(seen_at) if seen_at else 0.0


def is_navigation(request: HttpRequest) -> bool:
    """A person did this: opened a page or sent a form. Not a script that keeps a page up to date."""
    if request.path.startswith("/api/"):
        return False
    if request.method not in {"GET", "HEAD"}:
        return True
    if request.headers.get("X-Requested-With"):
        return False
    return request.headers.get("Sec-Fetch-Mode", "navigate") == "navigate"


def is_due(session: SessionBase) -> bool:
    """Whether the time of the last page is worth writing again."""
    is_new = session.get(SEEN_KEY) not in {None, session.session_key}
    return is_new or SEEN_AT not in session or idle_s(session) >= TOUCH_EVERY_S


def touch(session: SessionBase) -> None:
    session[SEEN_AT] = clock.now().timestamp()
    session[SEEN_KEY] = session.session_key
