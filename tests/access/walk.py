"""Asks surfaces of the portal as somebody, and says in the words of the table what came."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import connections, transaction
from django.http import HttpRequest
from django.shortcuts import resolve_url
from django.test import Client, RequestFactory

from ispcore.live import topics
from tests.access import expectations, surfaces
from tests.access.surfaces import ACTION, LIVE, Surface

if TYPE_CHECKING:
    from ispcore.accounts.models import Account
    from tests.access.world import World

Found = dict[Surface, str]


def all_surfaces(world: "World") -> list[Surface]:
    """What there is: addresses, the topics (each with the keys that are asked), and actions."""
    keys = [Surface(name, LIVE) for name in world.topic_keys()]
    return [*surfaces.urls(), *surfaces.live(), *keys, *surfaces.actions(_request(world, "super"))]


def ask(world: "World", persona: str, wanted: Iterable[Surface]) -> Found:
    """What `persona` gets from each of `wanted`; whatever a request changes is undone."""
    chosen = set(wanted)
    found = dict(_urls(world, persona, chosen))
    account = world.people[persona]
    keys = world.topic_keys()
    for surface in chosen:
        if surface.method == LIVE:
            found[surface] = _live(account, surface.name, keys[surface.name])
    offered = set(surfaces.actions(_request(world, persona)))
    for surface in chosen:
        if surface.method == ACTION:
            found[surface] = "allowed" if surface in offered else "hidden"
    return found


def differences(world: "World", persona: str, only: str = "") -> dict[Surface, tuple[str, str]]:
    """(what the table says, what came) wherever these differ. `only`: names with this in them."""
    _, lines = expectations.read()
    column = "anonymous" if persona == "inactive" else persona
    wanted = {
        surface: line.says[column]
        for surface in all_surfaces(world)
        if only in surface.name
        for line in expectations.lines_for(surface, lines)
    }
    found = ask(world, persona, wanted)
    return {s: (wanted[s], found[s]) for s in wanted if wanted[s] != found[s]}


def answer(client: Client, method: str, url: str, sent: Any = None) -> Any:
    """One request; what it changes is undone, the session too."""
    with undone():
        response = getattr(client, method.lower())(url, *([] if sent is None else [sent]))
    return response


class Visitor(Client):
    """Comes to every address with the cookies it began with, and looks at answers only: copies of
    all templates' contexts, which the stock client makes for it, cost more than many a page."""

    def request(self, **request: Any) -> Any:
        return self.handler(self._base_environ(**request))  # type: ignore[attr-defined] # no type


@contextmanager
def undone() -> Iterator[None]:
    """What is changed within is taken back in both databases. For a unit of work, which must be the
    outermost transaction, this is one of the test's own, as that around the whole test."""
    with ExitStack() as blocks:
        for alias in connections:
            block = transaction.atomic(using=alias)
            block._from_testcase = True  # type: ignore[attr-defined]
            blocks.enter_context(block)
        yield
        for alias in connections:
            transaction.set_rollback(True, using=alias)


def client_of(account: "Account | None", kind: type[Client] = Client) -> Client:
    client = kind()
    if account is not None:
        client.force_login(account)
    return client


def visitor(world: "World", persona: str) -> Client:
    """A browser, or another system with its API token."""
    if persona == "machine":
        return Visitor(headers={"authorization": f"Bearer {world.token}"})
    return client_of(world.people[persona], Visitor)


def _urls(world: "World", persona: str, chosen: set[Surface]) -> Iterator[tuple[Surface, str]]:
    client = visitor(world, persona)
    answers: dict[tuple[str, str], Any] = {}  # two surfaces may have one address: it is asked once
    led: dict[str, str] = {}  # where a GET of an address was led to
    for surface in surfaces.urls():
        if surface not in chosen:
            continue
        place = surface.method, world.address(surface.name)
        if place not in answers:
            answers[place] = answer(client, *place)
        response = answers[place]
        assert "Content-Security-Policy" in response, surface
        yield surface, _word(response, surface, led)


def _word(response: Any, surface: Surface, led: dict[str, str]) -> str:
    if response.status_code in {301, 302}:
        to = str(response["Location"])
        if _is_login(to) and not surface.name.endswith("logout/"):  # which ends there
            return "refused"
        if surface.method == "GET":
            led[surface.name] = to
            return "elsewhere"
        return "elsewhere" if led.get(surface.name) == to else "allowed"
    words = {401: "refused", 403: "refused", 404: "hidden", 405: "hidden"}
    # 400 and 415: who asks may, and what was sent (nothing, and that no JSON) is judged
    taken = response.status_code in {200, 201, 202, 204, 400, 415}
    return words.get(response.status_code, "allowed" if taken else "broken")


def _is_login(url: str) -> bool:
    return url.partition("?")[0] == resolve_url(settings.LOGIN_URL)


def _live(account: "Account | None", name: str, key: str) -> str:
    """A topic is asked as the socket does; what is refused looks as if it did not exist."""
    topic = topics.get(name.removeprefix("live ").partition(" ")[0])
    if account is None or not account.is_active or topic is None:
        return "hidden"
    try:
        return "allowed" if topic.allowed(account, key) else "hidden"
    except LookupError:
        return "hidden"


def _request(world: "World", persona: str) -> HttpRequest:
    request = RequestFactory().get("/")
    request.user = world.people[persona] or AnonymousUser()
    return request
