"""A request sees what its account may, from when that is known until its answer is sent."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.test import Client, RequestFactory
from django.utils.functional import SimpleLazyObject

from ispcore.accounts.acting import sight_of
from ispcore.accounts.middleware import ActingAccount
from ispcore.accounts.models import Account
from ispcore.base.rls import identity
from ispcore.base.rls.identity import AT_LOGIN, EVERYBODY, NOBODY, Sight
from ispcore.live import topics
from ispcore.live.topics import Topic
from tests.rls.conftest import Isp

pytestmark = pytest.mark.django_db

View = Callable[[HttpRequest], HttpResponseBase]


def resellers() -> int:
    """All that the database lets through, with no filter of ours."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM resellers")
        return int(cursor.fetchone()[0])


def counted(request: HttpRequest) -> HttpResponse:
    assert request.user is not None
    str(request.user)  # whoever asks for it first has it read
    return HttpResponse(str(resellers()))


def ask(view: View, user: Any) -> HttpResponseBase:
    request = RequestFactory().get("/")
    request.user = user
    with identity.in_role(identity.APP), identity.acting_as(NOBODY):
        return ActingAccount(view)(request)


def body(response: HttpResponseBase) -> str:
    assert isinstance(response, HttpResponse)
    return response.content.decode()


def test_who_sees_what(isp: Isp) -> None:
    assert sight_of(isp.dhaka) == Sight(isp.tenant)
    assert sight_of(isp.noc) == EVERYBODY
    assert sight_of(AnonymousUser()) == sight_of(None) == AT_LOGIN
    isp.noc.is_active = isp.dhaka.is_active = False
    assert sight_of(isp.noc) == sight_of(isp.dhaka) == AT_LOGIN


def test_each_account_sees_its_own_rows(isp: Isp) -> None:
    assert body(ask(counted, isp.dhaka)) == body(ask(counted, isp.ctg)) == "1"
    assert body(ask(counted, isp.noc)) == "2"
    assert body(ask(counted, AnonymousUser())) == "0"


def test_a_view_that_asks_nobody_sees_nothing(isp: Isp) -> None:
    """The session's account is not read for it."""
    lazy = SimpleLazyObject(lambda: isp.noc)
    assert body(ask(lambda request: HttpResponse(str(resellers())), lazy)) == "0"
    assert body(ask(counted, lazy)) == "2"


def test_who_is_authenticated_within_a_view_counts_from_there(isp: Isp) -> None:
    """As the API does it by token, and the login page."""

    def view(request: HttpRequest) -> HttpResponse:
        before = resellers()
        account = Account.objects.get(username="reseller_dhaka")
        assert account.tenant is not None
        request.user = account
        return HttpResponse(f"{before} {resellers()}")

    assert body(ask(view, AnonymousUser())) == "0 1"


def test_an_exception_leaves_nobody_behind(isp: Isp) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        resellers()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        ask(view, isp.dhaka)
    with identity.in_role(identity.APP), identity.acting_as(NOBODY):
        assert resellers() == 0


def test_a_streamed_answer_is_made_in_the_same_sight(isp: Isp) -> None:
    def parts() -> Iterator[str]:
        yield f"{resellers()} "
        yield str(resellers())

    response = ask(lambda request: StreamingHttpResponse(parts()), isp.dhaka)
    assert isinstance(response, StreamingHttpResponse)
    with identity.in_role(identity.APP), identity.acting_as(NOBODY):
        assert resellers() == 0
        assert b"".join(response) == b"1 1"
        assert resellers() == 0


def test_one_that_is_streamed_asynchronously_too(isp: Isp) -> None:
    async def parts() -> AsyncIterator[str]:
        for _ in range(2):
            yield str(await sync_to_async(resellers)())

    async def read(response: StreamingHttpResponse) -> bytes:
        return b"".join([part async for part in response])

    response = ask(lambda request: StreamingHttpResponse(parts()), isp.dhaka)
    assert isinstance(response, StreamingHttpResponse)
    with identity.in_role(identity.APP), identity.acting_as(NOBODY):
        assert async_to_sync(read)(response) == b"11"


def test_login_works_before_anybody_is_known(isp: Isp) -> None:
    browser = Client()
    answer = browser.post(
        "/account/login/",
        {"login": "reseller_dhaka", "password": "reseller_dhaka-password"},
    )
    assert answer.status_code == 302
    isp.dhaka.refresh_from_db()
    assert isp.dhaka.last_login is not None
    assert Client().get("/health/").status_code == 200


# ---- live pages


def spots(key: str) -> dict[str, str]:
    return {"count": str(resellers())}


def test_a_live_page_is_rendered_in_the_sight_of_whose_it_is(isp: Isp) -> None:
    def may(account: Account, key: str) -> bool:
        return True

    theirs = Topic("test-own", spots, may, lambda key: int(key) or None)
    with identity.in_role(identity.APP), identity.acting_as(NOBODY):
        assert topics.render(theirs, str(isp.tenant)) == {"count": "1"}
        assert topics.render(theirs, "0") == {"count": "2"}
        assert topics.render(Topic("test-all", spots, may), "") == {"count": "2"}


def test_the_reseller_topics_name_their_tenant(isp: Isp) -> None:
    from resellers.models import Reseller

    own = Reseller.objects.get(tenant_id=isp.tenant)
    for name in ("reseller", "reseller-usage"):
        topic = topics.get(name)
        assert topic is not None
        assert topic.whose(str(own.pk)) == isp.tenant
        with pytest.raises(LookupError):
            topic.whose("0")
    alerts = topics.get("alerts")
    assert alerts is not None
    assert (alerts.whose(str(isp.tenant)), alerts.whose("")) == (isp.tenant, None)
