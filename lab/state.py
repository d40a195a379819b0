"""Keeping a lab router across processes: its state as JSON, written atomically."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

from lab.interfaces import Interface
from lab.meter import Meter
from lab.router import LabRouter
from lab.spec import RouterSpec
from lab.traffic import Profile

_PLAIN = (
    *("index", "name", "kind", "mac", "mtu", "comment", "speed_mbps", "link", "disabled", "wan"),
    *("vlan_id", "rx_offset", "tx_offset", "changed_at", "link_downs"),
)
_ROUTER = (
    "boot_at",
    "engine_boots",
    "identity",
    "table_changed_at",
    "discontinuity_at",
    "tables",
)


def snapshot(router: LabRouter) -> dict[str, Any]:
    """All that another process needs to look like the same router still running."""
    interfaces = []
    for interface in router.interfaces:
        row = {name: getattr(interface, name) for name in _PLAIN}
        row["parent"] = interface.parent.index if interface.parent else None
        row["meter"] = interface.meter.to_dict() if interface.meter else None
        row["profile"] = _profile_to_list(interface.meter)
        interfaces.append(row)
    kept = {name: getattr(router, name) for name in _ROUTER}
    return {**kept, "next_index": router.next_index, "interfaces": interfaces}


def restore(router: LabRouter, state: dict[str, Any]) -> None:
    """Put a snapshot into a router made from the same spec."""
    for name in _ROUTER:
        setattr(router, name, state[name])
    router.next_index = state["next_index"]
    by_index: dict[int, Interface] = {}
    for row in state["interfaces"]:
        interface = Interface(**{name: row[name] for name in _PLAIN})
        if row["meter"] is not None:
            profile = _profile_from_list(row["profile"])
            interface.meter = Meter.from_dict(profile, row["meter"])
        by_index[interface.index] = interface
    for row in state["interfaces"]:
        if row["parent"] is not None:
            by_index[row["index"]].parent = by_index[row["parent"]]
    router.interfaces = list(by_index.values())
    router.structure += 1


def _profile_to_list(meter: Meter | None) -> list[Any] | None:
    if meter is None or meter.profile is None:
        return None
    return list(dataclasses.astuple(meter.profile))


def _profile_from_list(values: list[Any] | None) -> Profile | None:
    if values is None:
        return None
    peak_down_bps, peak_up_bps, seed, noise, zone, weekend = values
    return Profile(peak_down_bps, peak_up_bps, seed, noise, zone, tuple(weekend))


class StateFile:
    """One router's file. The spec's text is kept beside the state: a changed spec starts anew."""

    def __init__(self, folder: Path, spec: RouterSpec) -> None:
        self.path = folder / f"{spec.name}.json"
        self.spec_text = repr(spec)

    def load(self, router: LabRouter) -> bool:
        """Restore what was kept for this very spec; False where there is nothing to restore."""
        try:
            kept = json.loads(self.path.read_text("utf-8"))
        except (FileNotFoundError, json.JSONDecodeError):
            return False
        if kept.get("spec") != self.spec_text:
            return False
        restore(router, kept["state"])
        return True

    def save(self, router: LabRouter) -> None:
        """Write beside and rename: a reader sees the old state or the new, never half of one."""
        text = json.dumps({"spec": self.spec_text, "state": snapshot(router)})
        fresh = self.path.with_suffix(".new")
        with fresh.open("w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        fresh.replace(self.path)
