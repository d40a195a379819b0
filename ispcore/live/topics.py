"""What a page can watch: each app registers its topics, the socket asks for them by name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.template.loader import render_to_string

from ispcore.accounts.models import Account
from ispcore.base.rls import identity

Spots = dict[str, str]
"""Rendered HTML by the name of its place on the page (`data-live`)."""


@dataclass(frozen=True, slots=True)
class Topic:
    """One kind of thing that is watched; the key says which (empty where there is only one).

    Both functions are called in a thread and may use the database. `spots` renders the present
    state once for all who watch, so it must not depend on who asks; it raises LookupError when
    the key does not exist (any more). `allowed` says whether an account may watch that key; it
    answers False for what does not exist, or leaves that to `spots`. `whose` names the tenant whose
    rows the key shows, so that the database lets through no others; None: all tenants', which is
    for staff alone. It raises LookupError as `spots` does, and sees all rows. A topic that
    `follows` another shows the same things to other people: it changes whenever that one's key does.
    """

    name: str
    spots: Callable[[str], Spots]
    allowed: Callable[[Account, str], bool]
    whose: Callable[[str], int | None] = lambda key: None
    resource: str = ""
    """What an API token must be for to watch it (`Account.reaches`); empty: no token watches."""
    follows: str = ""


class AlreadyRegistered(ValueError):
    """Two apps gave the same name to different topics."""


_topics: dict[str, Topic] = {}


def register(topic: Topic) -> None:
    """Make a topic known. Raises AlreadyRegistered, or ValueError for a name with "|" in it."""
    if "|" in topic.name:
        raise ValueError(f"a topic's name has no bar in it: {topic.name}")
    if _topics.get(topic.name, topic) != topic:
        raise AlreadyRegistered(topic.name)
    _topics[topic.name] = topic


def render(topic: Topic, key: str) -> Spots:
    """The topic's spots, made in the sight of the tenant whose they are."""
    with identity.acting_for_all():
        tenant_id = topic.whose(key)
    if tenant_id is None:
        with identity.acting_for_all():
            return topic.spots(key)
    with identity.acting_for(tenant_id):
        return topic.spots(key)


def get(name: str) -> Topic | None:
    """The topic of that name, None when nobody registered it."""
    return _topics.get(name)


def names() -> list[str]:
    """All topics that are registered."""
    return sorted(_topics)


def followers(name: str) -> list[str]:
    """The topics that change with the topic `name`."""
    return [topic.name for topic in _topics.values() if topic.follows == name]


def render_spots(templates: Mapping[str, str], context: Mapping[str, Any]) -> Spots:
    """Render one template per spot ({spot: template name}) with the same context."""
    return {
        spot: render_to_string(template, dict(context)).strip()
        for spot, template in templates.items()
    }
