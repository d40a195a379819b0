"""Look at and change what is remembered of interfaces' counters, as if it had been read so."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from routers.counter_states import CounterState
    from routers.models import Interface


def states() -> "dict[int, CounterState]":
    """Of all routers, by primary key of the interface."""
    from routers.models import RouterCounters

    return {
        pk: state
        for counters in RouterCounters.objects.all()
        for pk, state in counters.by_interface.items()
    }


def put(interface: "Interface", **values: Any) -> None:
    """Set the state of an interface; what is not given is as it was, or zero."""
    from routers.counter_states import CounterState

    def change(found: dict[int, CounterState]) -> None:
        state = found.setdefault(interface.pk, CounterState(interface.pk, 0, 0, 0, 0, 64))
        for name, value in values.items():
            setattr(state, name, value)

    _rewrite(change, interface.router_id)


def drop(interface: "Interface") -> None:
    """As if the interface had never been read."""
    _rewrite(lambda found: found.pop(interface.pk), interface.router_id)


def change_all(change: "Callable[[CounterState], None]") -> None:
    """Change every state in place."""
    from routers.models import RouterCounters

    def each(found: "dict[int, CounterState]") -> None:
        for state in found.values():
            change(state)

    for router_id in RouterCounters.objects.values_list("pk", flat=True):
        _rewrite(each, router_id)


def _rewrite(change: "Callable[[dict[int, CounterState]], Any]", router_id: int) -> None:
    from routers.counter_states import pack, unpack
    from routers.models import RouterCounters

    row, _ = RouterCounters.objects.get_or_create(router_id=router_id)
    found = unpack(row.states)
    change(found)
    row.states, row.generation = pack(found.values()), row.generation + 1
    row.save()
