"""One router: its counters, its life, and how it continues in another process."""

import dataclasses
from pathlib import Path

import pytest

from lab.device import Device
from lab.router import LabRouter, NoSuchInterface
from lab.spec import RouterSpec
from lab.traffic import Level, octets
from tests.lab.conftest import StillClock, meghna, two_vlans


def test_a_vlan_shows_what_its_profile_carried_since_boot(
    router: LabRouter, clock: StillClock
) -> None:
    seen = router.counters(router.interface("vlan101"))
    down, up = octets(meghna(1), router.boot_at, clock.now)
    assert (seen.tx_octets, seen.rx_octets) == (down, up)


def test_ports_carry_the_sum_of_their_vlans(router: LabRouter) -> None:
    vlans = [router.counters(router.interface(name)) for name in ("vlan101", "vlan102")]
    trunk = router.counters(router.interface("sfp-sfpplus2"))
    uplink = router.counters(router.interface("sfp-sfpplus1"))
    assert trunk.tx_octets == uplink.rx_octets == sum(one.tx_octets for one in vlans)
    assert trunk.rx_octets == uplink.tx_octets == sum(one.rx_octets for one in vlans)
    assert trunk.tx_bps == sum(one.tx_bps for one in vlans)


def test_a_level_counts_from_its_start_only(router: LabRouter, clock: StillClock) -> None:
    vlan = router.interface("vlan101")
    before = router.counters(vlan)
    router.set_level("vlan101", Level(down_bps=8_000_000, up_bps=800_000))
    clock.tick(100)
    after = router.counters(vlan)
    assert after.tx_octets - before.tx_octets == 100_000_000
    assert after.rx_octets - before.rx_octets == 10_000_000


def test_counters_do_not_depend_on_how_often_they_are_read(clock: StillClock) -> None:
    often, seldom = (LabRouter(two_vlans(), clock=clock) for _ in range(2))
    for _ in range(50):
        clock.tick(37.3)
        often.counters(often.interface("vlan101"))
    assert often.counters(often.interface("vlan101")) == seldom.counters(
        seldom.interface("vlan101")
    )


def test_a_disabled_vlan_stops_and_resumes(router: LabRouter, clock: StillClock) -> None:
    vlan = router.interface("vlan101")
    router.set_state(vlan, disabled=True)
    stopped = router.counters(vlan)
    clock.tick(600)
    assert router.counters(vlan) == stopped
    assert stopped.tx_bps == 0
    router.set_state(vlan, disabled=False)
    clock.tick(600)
    assert router.counters(vlan).tx_octets > stopped.tx_octets


def test_a_port_without_link_takes_its_vlans_down(router: LabRouter, clock: StillClock) -> None:
    router.set_state(router.interface("sfp-sfpplus2"), link=False)
    vlan = router.interface("vlan101")
    assert not vlan.running
    assert vlan.changed_at == clock.now
    assert router.counters(router.interface("sfp-sfpplus1")).rx_bps == 0


def test_a_removed_vlan_does_not_make_its_ports_count_backwards(
    router: LabRouter, clock: StillClock
) -> None:
    names = ("sfp-sfpplus1", "sfp-sfpplus2")
    before = [router.counters(router.interface(name)) for name in names]
    router.remove(router.interface("vlan102"))
    after = [router.counters(router.interface(name)) for name in names]
    assert [(one.rx_octets, one.tx_octets) for one in before] == [
        (one.rx_octets, one.tx_octets) for one in after
    ]


def test_a_vlan_that_moves_leaves_its_octets_behind(router: LabRouter) -> None:
    old, new = router.interface("sfp-sfpplus2"), router.interface("ether1")
    router.set_state(new, link=True)
    before = router.counters(old).tx_octets
    router.move(router.interface("vlan101"), new)
    assert router.counters(old).tx_octets == before
    assert router.counters(new).tx_octets == 0


def test_a_reboot_starts_at_zero(router: LabRouter, clock: StillClock) -> None:
    router.reboot()
    assert router.ticks() == 0
    assert router.counters(router.interface("vlan101")).tx_octets == 0
    clock.tick(10)
    assert router.ticks() == 1000
    assert router.engine_boots == 2


def test_renumbering_moves_every_index_and_keeps_every_counter(router: LabRouter) -> None:
    before = {one.name: (one.index, router.counters(one)) for one in router.interfaces}
    router.renumber()
    for one in router.interfaces:
        index, counters = before[one.name]
        assert one.index != index
        assert router.counters(one) == counters


def test_a_preset_counter_wraps_at_two_to_the_64(router: LabRouter, clock: StillClock) -> None:
    vlan = router.interface("vlan101")
    router.set_level("vlan101", Level(down_bps=8000, up_bps=8000))
    router.preset(vlan, tx=2**64 - 500)
    assert router.counters(vlan).tx_octets == 2**64 - 500
    clock.tick(1)
    assert router.counters(vlan).tx_octets == 500


def test_sysuptime_wraps_after_497_days(clock: StillClock) -> None:
    old = LabRouter(RouterSpec("old", uptime_s=2**32 // 100 + 10), clock=clock)
    assert old.ticks() < 1100


def test_an_unknown_interface_is_named(router: LabRouter) -> None:
    with pytest.raises(NoSuchInterface, match="no interface called 'vlan999'"):
        router.interface("vlan999")


def test_a_stopped_lab_looks_like_a_router_that_kept_running(
    tmp_path: Path, clock: StillClock
) -> None:
    spec = two_vlans()
    never_stopped = LabRouter(spec, clock=clock)
    first = Device(spec, state_dir=tmp_path, clock=clock).router
    for one in (never_stopped, first):
        one.set_level("vlan101", Level(multiplier=2.5))
        one.renumber()
        one.rename(one.interface("vlan102"), "café \udcff")
    clock.tick(5000)
    second = Device(spec, state_dir=tmp_path, clock=clock).router
    assert second.ticks() == never_stopped.ticks()
    for ours, theirs in zip(second.interfaces, never_stopped.interfaces, strict=True):
        assert (ours.index, ours.name) == (theirs.index, theirs.name)
        assert second.counters(ours) == never_stopped.counters(theirs)


def test_a_changed_spec_begins_anew(tmp_path: Path, clock: StillClock) -> None:
    spec = two_vlans()
    Device(spec, state_dir=tmp_path, clock=clock).router.reboot()
    other = dataclasses.replace(spec, board="RB5009")
    assert Device(other, state_dir=tmp_path, clock=clock).router.uptime_s > 86400


def test_a_torn_state_file_begins_anew(tmp_path: Path, clock: StillClock) -> None:
    spec = two_vlans()
    Device(spec, state_dir=tmp_path, clock=clock)
    file = tmp_path / "r1.json"
    file.write_text(file.read_text()[:100])
    assert Device(spec, state_dir=tmp_path, clock=clock).router.uptime_s == spec.uptime_s
