"""The pages of logging in that allauth lacks or that say more here, and the way to them."""

from typing import Any
from urllib.parse import urlencode

from allauth.account.views import PasswordResetView
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from ispcore.accounts.operations import sessions
from ispcore.accounts.pages import account_of, actor_of, pk_of

MOST_SHOWN = 50


def to_login(request: HttpRequest, *, home: str) -> HttpResponse:
    """The login of every site of the portal is the same one: there, and back to `next`."""
    wanted = request.GET.get("next", "") or home
    if not url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    ):
        wanted = home
    if request.user.is_authenticated:
        return HttpResponseRedirect(home)
    return HttpResponseRedirect(f"{reverse('account_login')}?{urlencode({'next': wanted})}")


class ForgottenView(PasswordResetView):  # type: ignore[misc] # allauth has no types
    """Asks for a link by mail, or says that this portal sends no mail."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if not settings.EMAIL_IS_ON:
            return self.get(request, *args, **kwargs)
        return super().post(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        return context | {"mail_is_on": settings.EMAIL_IS_ON}


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def own_sessions(request: HttpRequest) -> HttpResponse:
    """Where one is logged in, with a button for each place and one for all others."""
    account, key = account_of(request), request.session.session_key or ""
    own = UserSession.objects.filter(user=account).order_by("-last_seen_at")
    if request.method == "POST":
        if "others" in request.POST:
            count = sessions.end_all(account, by=actor_of(request), but=key)
            messages.success(request, f"Logged out elsewhere: {count}.")
        else:
            _end_one(request, own.exclude(session_key=key))
        return redirect("usersessions_list")
    sessions.seen(
        account,
        session_key=key,
        address=request.META.get("REMOTE_ADDR", ""),
        user_agent=request.headers.get("User-Agent", ""),
    )
    shown = [each for each in own[:MOST_SHOWN] if each.exists()]
    return render(
        request,
        "usersessions/usersession_list.html",
        {"sessions": shown, "current_key": key, "has_others": len(shown) > 1},
    )


def _end_one(request: HttpRequest, others: Any) -> None:
    session = others.filter(pk=pk_of(request.POST.get("session", ""))).first()
    if session is None:
        messages.warning(request, "That session had ended already.")
        return
    sessions.end(session, by=actor_of(request))
    messages.success(request, f"Logged out at {session.ip}.")
