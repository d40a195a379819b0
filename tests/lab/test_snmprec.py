"""Recorded devices."""

from pathlib import Path

import pytest

from lab import ber
from lab.device import Device
from lab.snmprec import BadRecording, load
from lab.spec import RouterSpec
from tests.lab.conftest import StillClock

RECORDING = """\
1.3.6.1.2.1.1.1.0|4|counter | test
1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.14988.1
1.3.6.1.2.1.1.3.0|67:numeric|rate=100,initial=360000
1.3.6.1.2.1.2.2.1.6.1|4x|2CC81B97041B
1.3.6.1.2.1.2.2.1.10.1|65:numeric|rate=1250000,initial=4290000000,wrap=1
1.3.6.1.2.1.4.20.1.1|64|10.0.0.1
1.3.6.1.2.1.31.1.1.1.10.1|70:numeric|rate=6250000,initial=18446744073700000000,wrap=1
1.3.6.1.2.1.31.1.1.1.10.2|70:numeric|rate=1,initial=18446744073709551610
1.3.6.1.2.1.31.1.1.1.15.1|66|1000
1.3.6.1.2.1.33.1.1|5|
1.3.6.1.2.1.33.1.2|2|-1
"""


@pytest.fixture
def device(tmp_path: Path, clock: StillClock) -> Device:
    file = tmp_path / "device.snmprec"
    file.write_text(RECORDING)
    spec = RouterSpec("recorded", recording=str(file), community="*")
    return Device(spec, clock=clock)


def value(device: Device, oid: str) -> tuple[int, ber.Plain]:
    return device._view().get(tuple(int(number) for number in oid.split(".")))


def test_values_come_back_as_recorded(device: Device) -> None:
    assert value(device, "1.3.6.1.2.1.1.1.0") == (ber.OCTETS, b"counter | test")
    assert value(device, "1.3.6.1.2.1.1.2.0") == (ber.OID, (1, 3, 6, 1, 4, 1, 14988, 1))
    assert value(device, "1.3.6.1.2.1.2.2.1.6.1") == (ber.OCTETS, b"\x2c\xc8\x1b\x97\x04\x1b")
    assert value(device, "1.3.6.1.2.1.4.20.1.1") == (ber.IP_ADDRESS, b"\x0a\x00\x00\x01")
    assert value(device, "1.3.6.1.2.1.31.1.1.1.15.1") == (ber.GAUGE32, 1000)
    assert value(device, "1.3.6.1.2.1.33.1.1") == (ber.NULL, None)
    assert value(device, "1.3.6.1.2.1.33.1.2") == (ber.INTEGER, -1)


def test_moving_counters_move_and_wrap(device: Device, clock: StillClock) -> None:
    clock.tick(10)
    assert value(device, "1.3.6.1.2.1.1.3.0") == (ber.TIMETICKS, 361_000)
    counter32 = value(device, "1.3.6.1.2.1.2.2.1.10.1")
    assert counter32 == (ber.COUNTER32, (4_290_000_000 + 12_500_000) % 2**32)
    counter64 = value(device, "1.3.6.1.2.1.31.1.1.1.10.1")
    assert counter64 == (ber.COUNTER64, (18_446_744_073_700_000_000 + 62_500_000) % 2**64)


def test_a_counter_that_does_not_wrap_stays_at_its_end(device: Device, clock: StillClock) -> None:
    clock.tick(100)
    assert value(device, "1.3.6.1.2.1.31.1.1.1.10.2") == (ber.COUNTER64, 2**64 - 1)


def test_what_was_not_recorded_is_absent(device: Device) -> None:
    assert value(device, "1.3.6.1.2.1.1.9.0") == (ber.NO_SUCH_INSTANCE, None)
    last = (1, 3, 6, 1, 2, 1, 33, 1, 2)
    assert device._view().next(last) == (last, ber.END_OF_MIB_VIEW, None)
    assert device._view().next((1, 3))[0] == (1, 3, 6, 1, 2, 1, 1, 1, 0)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1.3.6|2", "line 1: not enough values"),
        ("1.3.6|2|x", "line 1: invalid literal"),
        ("1.3.6|4:random|x", "module 'random' is not known"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, message: str) -> None:
    file = tmp_path / "wrong.snmprec"
    file.write_text(line)
    with pytest.raises(BadRecording, match=message):
        load(file)
