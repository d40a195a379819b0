"""Counter states under lock: read, remembered from one collection to the next, written back."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ispcore.base.bulk import update_rows
from routers.counter_states import pack, unpack
from routers.models import RouterCounters


@dataclass(slots=True)
class Memory:
    """The states that one process wrote last, packed, so that it need not read them before each
    write. After a write that was undone they are worthless, and `forget` says so.
    """

    _known: dict[int, tuple[int, bytes]] = field(default_factory=dict)

    def lock(self, router_ids: Iterable[int]) -> "Locked":
        """The states of these routers, locked until the transaction ends. What another process
        wrote since is read anew. Routers must exist: their rows are made where missing."""
        ids = sorted(set(router_ids))
        _make_missing(ids)
        rows = RouterCounters.objects.filter(router_id__in=ids).order_by("router_id")
        generations = dict(rows.select_for_update().values_list("router_id", "generation"))
        stale = [pk for pk, now in generations.items() if self._generation_of(pk) != now]
        read = RouterCounters.objects.filter(router_id__in=stale).values_list("router_id", "states")
        for router_id, packed in read:
            self._known[router_id] = (generations[router_id], bytes(packed))
        return Locked(self, {pk: self._known[pk][1] for pk in generations}, generations)

    def forget(self, router_ids: Iterable[int]) -> None:
        for router_id in router_ids:
            self._known.pop(router_id, None)

    def wrote(self, router_id: int, generation: int, states: bytes) -> None:
        self._known[router_id] = (generation, states)

    def _generation_of(self, router_id: int) -> int | None:
        known = self._known.get(router_id)
        return known[0] if known else None


@dataclass(slots=True)
class Locked:
    """Packed states of routers whose rows are locked."""

    _memory: Memory
    of_router: Mapping[int, bytes]
    _generations: Mapping[int, int]

    def save(self, states: Mapping[int, bytes]) -> None:
        """Write the states of these routers anew, one statement for all."""
        rows = [(pk, self._generations[pk] + 1, states[pk]) for pk in sorted(states)]
        update_rows(RouterCounters, ["generation", "states"], rows, stamped=False)
        for router_id, generation, packed in rows:
            self._memory.wrote(router_id, generation, packed)


def distrust(router_id: int, interface_ids: Iterable[int]) -> None:
    """These ports were replaced by others of the same name: their counters mean nothing any more.

    The next reading starts anew. Locks the router's states, also where there is nothing to do.
    """
    locked = Memory().lock([router_id])
    known = unpack(locked.of_router[router_id])
    swapped = [known[pk] for pk in interface_ids if pk in known]
    for state in swapped:
        state.bits = 0
    if swapped:
        locked.save({router_id: pack(known.values())})


def _make_missing(router_ids: list[int]) -> None:
    present = set(
        RouterCounters.objects.filter(router_id__in=router_ids).values_list("router_id", flat=True)
    )
    missing = [RouterCounters(router_id=pk) for pk in router_ids if pk not in present]
    if missing:
        RouterCounters.objects.bulk_create(missing, ignore_conflicts=True)
