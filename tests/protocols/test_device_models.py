"""Models of devices as data: which one a device is, what is refused, and what each key does."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from ispcore.protocols.snmp import Engine, SnmpTarget, Wanted, discover, oids, read_counters
from ispcore.protocols.snmp.device_models import (
    PLAIN,
    BadDeviceModels,
    DeviceModel,
    DeviceModels,
    load,
    load_all,
    shipped,
)
from lab.testing import running_lab
from tests.protocols.conftest import vlan_router

CISCO, JUNIPER = "1.3.6.1.4.1.9.1.1208", "1.3.6.1.4.1.2636.1.1.1.2.29"
IOS = (
    '"Cisco IOS Software, C2960S Software (C2960S-UNIVERSALK9-M), Version 15.2(2a)E1, RELEASE '
    "SOFTWARE (fc1)␊Technical Support: http://www.cisco.com/techsupport"
)
IOS_XE = (
    "Cisco IOS Software [Everest], ASR1000 Software (X86_64_LINUX_IOSD-UNIVERSALK9-M), "
    "Version 16.6.5, RELEASE SOFTWARE (fc3)"
)
OLD_IOS = (
    "Cisco Internetwork Operating System Software ␍␊IOS (tm) C2600 Software (C2600-I-M), Version "
    "12.2(13a), RELEASE SOFTWARE (fc2)"
)
IOS_XR = (
    "Cisco IOS XR Software (Cisco ASR9K Series),  Version 5.3.4[Default]␍␊Copyright (c) 2016 by "
    "Cisco Systems, Inc."
)
NX_OS = "Cisco NX-OS(tm) n5000, Software (n5000-uk9), Version 6.0(2)N1(2), RELEASE SOFTWARE"
JUNOS = (
    "Juniper Networks, Inc. mx240 internet router, kernel JUNOS 15.1R6.7, Build date: 2017-04-22 "
    "Copyright (c) 1996-2017 Juniper Networks, Inc."
)
VRP = "Huawei Versatile Routing Platform Software␍␊VRP (R) software, Version 8.180 (NE20E V800R010)"


def written(directory: Path, text: str) -> Path:
    path = directory / "own.toml"
    path.write_text(text)
    return path


def faults(directory: Path, text: str) -> list[str]:
    with pytest.raises(BadDeviceModels) as refused:
        load(written(directory, text))
    return str(refused.value).splitlines()


# ---- which one a device is


@pytest.mark.parametrize(
    ("sys_object_id", "sys_descr", "what"),
    [
        (CISCO, IOS, ("Cisco", "IOS", "C2960S", "15.2(2a)E1")),
        (CISCO, IOS_XE, ("Cisco", "IOS", "ASR1000", "16.6.5")),
        (CISCO, OLD_IOS, ("Cisco", "IOS", "C2600", "12.2(13a)")),
        (CISCO, IOS_XR, ("Cisco", "IOS XR", "ASR9K Series", "5.3.4")),
        (CISCO, NX_OS, ("Cisco", "NX-OS", "n5000", "6.0(2)N1(2)")),
        (JUNIPER, JUNOS, ("Juniper", "Junos", "mx240", "15.1R6.7")),
        ("1.3.6.1.4.1.2011.2.62.30", VRP, ("Huawei", "VRP", "NE20E", "8.180")),
        ("1.3.6.1.4.1.14988.1", "RouterOS RB760iGS", ("MikroTik", "RouterOS", "RB760iGS", "")),
        ("1.3.6.1.4.1.14988.1", "router", ("MikroTik", "RouterOS", "", "")),
        ("1.3.6.1.4.1.99999.7", "counter test agent", ("", "", "", "")),
        ("", "", ("", "", "", "")),
    ],
)
def test_a_device_is_known_by_what_it_says(
    sys_object_id: str, sys_descr: str, what: tuple[str, str, str, str]
) -> None:
    model = shipped().choose(sys_object_id, sys_descr)
    assert (model.vendor, model.os, *model.facts_of(sys_descr)) == what


def test_the_longest_prefix_in_whole_numbers_wins() -> None:
    some = DeviceModels(
        tuple(DeviceModel(sys_object_id=f"1.3.6.1.4.1.{n}", vendor=n) for n in ("9", "9.1", "91"))
    )
    chosen = [
        some.choose(f"1.3.6.1.4.1.{n}", "").vendor for n in ("9.1.5", "9.12", "9", "91.2", "919")
    ]
    assert chosen == ["9.1", "9", "9", "91", ""]


def test_an_own_model_wins_over_a_shipped_one_that_says_as_much(tmp_path: Path) -> None:
    own = '[[device]]\nsys_object_id = ".1.3.6.1.4.1.2636"\nvendor = "Ours"\n'
    models = load_all([written(tmp_path, own)])
    assert models.choose(JUNIPER, JUNOS).vendor == "Ours"
    assert models.choose(CISCO, IOS).vendor == "Cisco"
    assert load_all([]).choose(JUNIPER, JUNOS).vendor == "Juniper"


@pytest.mark.parametrize(
    ("sys_object_id", "sys_descr", "names", "vlan"),
    [
        (CISCO, IOS, ("Gi0/0/1.310", "GigabitEthernet0/0/1.310"), 310),
        (CISCO, IOS, ("Vl310", "Vlan310"), 310),
        (CISCO, IOS, ("Po1.4094", "Port-channel1.4094"), 4094),
        (CISCO, IOS, ("Te0/1/0.12", "TenGigabitEthernet0/1/0.12-802.1Q vLAN subif"), 12),
        (CISCO, IOS, ("Gi0/0/1", "GigabitEthernet0/0/1"), None),
        (CISCO, IOS, ("Gi0/0/1.4095", "GigabitEthernet0/0/1.4095"), None),
        (CISCO, IOS, ("Tu310", "Tunnel310"), None),
        (CISCO, IOS_XR, ("Bundle-Ether10.310", "Bundle-Ether10.310"), 310),
        (CISCO, IOS_XR, ("TenGigE0/0/0/1.77", "TenGigE0/0/0/1.77"), 77),
        (CISCO, NX_OS, ("Vlan100", "Vlan100"), 100),
        ("1.3.6.1.4.1.2011.2.62.30", VRP, ("GigabitEthernet0/1/0.100",), 100),
        ("1.3.6.1.4.1.2011.2.62.30", VRP, ("Vlanif100",), 100),
        ("1.3.6.1.4.1.2011.2.62.30", VRP, ("Eth-Trunk1.2",), 2),
        ("1.3.6.1.4.1.2011.2.62.30", VRP, ("100GE0/3/0.55",), 55),
        ("1.3.6.1.4.1.2011.2.62.30", VRP, ("LoopBack100",), None),
        (JUNIPER, JUNOS, ("ge-0/0/1.100",), 100),
        (JUNIPER, JUNOS, ("xe-1/0/3:2.512",), 512),
        (JUNIPER, JUNOS, ("ae12.310",), 310),
        (JUNIPER, JUNOS, ("irb.20",), 20),
        (JUNIPER, JUNOS, ("ge-0/0/1.0",), None),
        (JUNIPER, JUNOS, ("lo0.16384",), None),
        (JUNIPER, JUNOS, ("pp0.101",), None),
        ("1.3.6.1.4.1.14988.1", "RouterOS x", ("vlan310",), None),
        ("1.3.6.1.4.1.99999", "", ("Vlan310",), None),
    ],
)
def test_a_name_suggests_its_vlan(
    sys_object_id: str, sys_descr: str, names: Sequence[str], vlan: int | None
) -> None:
    assert shipped().choose(sys_object_id, sys_descr).vlan_of(*names) == vlan


# ---- what is refused


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ('sys_object_id = "cisco"', "sys_object_id: 'cisco' is no object identifier like"),
        ("sys_object_id = 1", "sys_object_id: 1 is no object identifier like"),
        ('vendor = ""', "vendor: '' is no text of 1 to 80 characters"),
        ('facts = "(?P<model>"', "facts: '(?P<model>' is no regular expression: missing )"),
        ('facts = "Version"', "facts: 'Version' has no group (?P<model>…) or (?P<version>…)"),
        ('vlan_from_name = "Vlan(.*)"', "vlan_from_name: 'Vlan(.*)' has no group (?P<vlan>…)"),
        ('vlan_from_name = "(?P<vlan>.*)"', "the group vlan takes digits only"),
        ('name_from = "ifAlias"', "name_from: 'ifAlias' is none of ifName, ifDescr"),
        ('speed_from = "x"', "speed_from: 'x' is none of both, ifHighSpeed, ifSpeed, none"),
        ('uptime_from = "x"', "is none of sysUpTime, hrSystemUptime, snmpEngineTime"),
        ("counters = 32", "counters: 32 is none of best, 32-bit"),
        ('discontinuity = "no"', "discontinuity: 'no' is neither true nor false"),
        ("oids_per_pdu = 0", "oids_per_pdu: 0 is no whole number of 8 to 250"),
        ("oids_per_pdu = true", "oids_per_pdu: True is no whole number of 8 to 250"),
        ("max_repetitions = 1.5", "max_repetitions: 1.5 is no whole number of 1 to 100"),
        ("oid_per_pdu = 10", "oid_per_pdu: no such key; there are sys_object_id, sys_descr"),
    ],
)
def test_a_fault_is_named_with_its_place(tmp_path: Path, line: str, fault: str) -> None:
    given = {"sys_object_id": '"1.3.6.1.4.1.9"', "vendor": '"Cisco"'}
    key = line.split(" = ")[0]
    lines = [f"{name} = {value}" for name, value in given.items() if name != key]
    (said,) = faults(tmp_path, "\n".join(["[[device]]", *lines, line]))
    assert said.startswith("own.toml, device 1 (")
    assert fault in said


def test_all_faults_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    text = '[[device]]\nmodel = "x"\n[[device]]\nvendor = "y"\nsys_object_id = "1.3"\nsize = 1'
    assert faults(tmp_path, text) == [
        "own.toml, device 1 (no vendor x): sys_object_id is missing",
        "own.toml, device 1 (no vendor x): vendor is missing",
        f"own.toml, device 2 (y): {KEYS_SAID}",
    ]


KEYS_SAID = (
    "size: no such key; there are sys_object_id, sys_descr, vendor, model, os, facts, model_oid, "
    "version_oid, name_from, speed_from, uptime_from, counters, discontinuity, vlan_from_name, "
    "oids_per_pdu, max_repetitions"
)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[[device]\n", "own.toml: not TOML"),
        ('[[devices]]\nvendor = "x"\n', "every model is a [[device]]"),
        ('device = "x"\n', "every model is a [[device]]"),
        ("device = [1]\n", "every model is a [[device]]"),
    ],
)
def test_what_is_no_file_of_models_is_refused(tmp_path: Path, text: str, fault: str) -> None:
    assert fault in faults(tmp_path, text)[0]


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadDeviceModels, match=r"none\.toml: cannot be read: No such file"):
        load_all([tmp_path / "none.toml"])


# ---- what each key does, on the wire

AGENT = f"""\
{oids.SYS_DESCR}|4|Box of tests
{oids.SYS_OBJECT_ID}|6|1.3.6.1.4.1.99999.7
{oids.SYS_UPTIME}|67:numeric|rate=100,initial=1000
{oids.HR_SYSTEM_UPTIME}|67:numeric|rate=100,initial=900000
{oids.SNMP_ENGINE_TIME}|2|4000
{oids.IF_DESCR}.1|4|GigabitEthernet0/0/1.310
{oids.IF_DESCR}.2|4|GigabitEthernet0/0/2
{oids.IF_TYPE}.1|2|53
{oids.IF_TYPE}.2|2|6
{oids.IF_SPEED}.1|66|10000000
{oids.IF_SPEED}.2|66|4294967295
{oids.IF_OPER_STATUS}.1|2|1
{oids.IF_OPER_STATUS}.2|2|1
{oids.IF_IN_OCTETS}.1|65|32
{oids.IF_IN_OCTETS}.2|65|32
{oids.IF_OUT_OCTETS}.1|65|320
{oids.IF_OUT_OCTETS}.2|65|320
{oids.IF_NAME}.1|4|Gi0/0/1.310
{oids.IF_HC_IN_OCTETS}.1|70|64
{oids.IF_HC_IN_OCTETS}.2|70|64
{oids.IF_HC_OUT_OCTETS}.1|70|640
{oids.IF_HC_OUT_OCTETS}.2|70|640
{oids.IF_HIGH_SPEED}.1|66|1000
{oids.IF_HIGH_SPEED}.2|66|10000
{oids.IF_COUNTER_DISCONTINUITY_TIME}.1|67|7
1.3.6.1.4.1.99999.1.0|4|Box 9000
"""


@contextmanager
def box(directory: Path, agent: str = AGENT) -> Iterator[SnmpTarget]:
    recording = directory / "box.snmprec"
    recording.write_text(agent)
    spec = vlan_router(recording=str(recording), community="*", api_port=None, api_tls_port=None)
    with running_lab([spec]) as lab:
        yield SnmpTarget("127.0.0.1", lab.routers["r1"].snmp_port, community="x", timeout_s=1.0)


def models(directory: Path, *lines: str) -> DeviceModels:
    head = ["[[device]]", 'sys_object_id = "1.3.6.1.4.1.99999"', 'vendor = "Boxes"']
    return load_all([written(directory, "\n".join([*head, *lines]))])


async def test_a_device_that_nobody_described_works_with_the_defaults(
    snmp: Engine, tmp_path: Path
) -> None:
    with box(tmp_path) as target:
        found = await discover(snmp, target)
    assert (found.vendor, found.model, found.os_version) == ("", "", "")
    assert [(i.name, i.speed_bps, i.counter_bits, i.vlan_by_name) for i in found.interfaces] == [
        ("Gi0/0/1.310", 1_000_000_000, 64, None),
        ("GigabitEthernet0/0/2", 10_000_000_000, 64, None),
    ]
    assert 1000 <= found.uptime_ticks < 3000


async def test_the_name_comes_from_where_the_model_says_also_when_it_is_read_again(
    snmp: Engine, tmp_path: Path
) -> None:
    own = models(tmp_path, 'name_from = "ifDescr"')
    with box(tmp_path) as target:
        found = await discover(snmp, target, own)
        chosen = own.choose(found.sys_object_id, found.sys_descr)
        asked = SnmpTarget(target.address, target.port, community="x", model=chosen)
        wanted = [Wanted(i.index, i.name, i.counter_bits) for i in found.interfaces]
        reading = await read_counters(snmp, asked, wanted)
        misled = await read_counters(snmp, target, wanted)
    assert [one.name for one in found.interfaces] == [
        "GigabitEthernet0/0/1.310",
        "GigabitEthernet0/0/2",
    ]
    assert not reading.renumbered
    assert [row.in_octets for row in reading.rows] == [64, 64]
    assert misled.renumbered  # by ifName the first has another name


@pytest.mark.parametrize(
    ("source", "speeds_bps"),
    [
        ("both", [10**9, 10**10]),
        ("ifHighSpeed", [10**9, 10**10]),
        ("ifSpeed", [10**7, None]),
        ("none", [None, None]),
    ],
)
async def test_the_speed_comes_from_where_the_model_says(
    snmp: Engine, tmp_path: Path, source: str, speeds_bps: list[int | None]
) -> None:
    with box(tmp_path) as target:
        found = await discover(snmp, target, models(tmp_path, f'speed_from = "{source}"'))
    assert [one.speed_bps for one in found.interfaces] == speeds_bps


async def test_64_bit_counters_that_are_wrong_are_not_read(snmp: Engine, tmp_path: Path) -> None:
    with box(tmp_path) as target:
        found = await discover(snmp, target, models(tmp_path, 'counters = "32-bit"'))
        wanted = [Wanted(i.index, i.name, i.counter_bits) for i in found.interfaces]
        reading = await read_counters(snmp, target, wanted)
    assert {one.counter_bits for one in found.interfaces} == {32}
    assert [(row.in_octets, row.out_octets) for row in reading.rows] == [(32, 320)] * 2


@pytest.mark.parametrize(
    ("source", "ticks", "step"),
    [("sysUpTime", 1000, 1), ("hrSystemUptime", 900_000, 1), ("snmpEngineTime", 400_000, 100)],
)
async def test_the_uptime_comes_from_where_the_model_says(
    snmp: Engine, tmp_path: Path, source: str, ticks: int, step: int
) -> None:
    own = models(tmp_path, f'uptime_from = "{source}"')
    with box(tmp_path) as target:
        found = await discover(snmp, target, own)
        chosen = own.choose(found.sys_object_id, found.sys_descr)
        asked = SnmpTarget(target.address, target.port, community="x", model=chosen)
        reading = await read_counters(snmp, asked, [Wanted(1, "Gi0/0/1.310", 64)])
    for uptime in (found.uptime_ticks, reading.uptime_ticks, reading.rows[0].uptime_ticks):
        assert ticks <= uptime < ticks + 2000
    assert reading.uptime_step_ticks == step


async def test_a_device_without_the_other_uptime_is_read_by_sysuptime(
    snmp: Engine, tmp_path: Path
) -> None:
    own = models(tmp_path, 'uptime_from = "hrSystemUptime"')
    lines = AGENT.splitlines(keepends=True)
    without = [line for line in lines if not line.startswith(oids.HR_SYSTEM_UPTIME)]
    with box(tmp_path, "".join(without)) as target:
        found = await discover(snmp, target, own)
    assert 1000 <= found.uptime_ticks < 3000


async def test_model_and_version_are_asked_of_their_own_objects(
    snmp: Engine, tmp_path: Path
) -> None:
    own = models(
        tmp_path, 'model_oid = ".1.3.6.1.4.1.99999.1.0"', 'version_oid = "1.3.6.1.4.1.99999.2.0"'
    )
    with box(tmp_path) as target:
        found = await discover(snmp, target, own)
    assert (found.vendor, found.model, found.os_version) == ("Boxes", "Box 9000", "")


@pytest.mark.parametrize("oids_per_pdu", [8, 250])
async def test_an_answer_is_as_large_as_the_model_takes(
    gufo: Engine, tmp_path: Path, oids_per_pdu: int
) -> None:
    (chosen,) = models(tmp_path, f"oids_per_pdu = {oids_per_pdu}").entries[-1:]
    groups = [[f"{oids.IF_NAME}.{n}", f"{oids.IF_DESCR}.{n}"] for n in range(1, 13)]
    with box(tmp_path) as target:
        asked = SnmpTarget(target.address, target.port, community="x", model=chosen)
        async with gufo.converse(asked) as conversation:
            answers = await conversation.read([oids.SYS_UPTIME], groups)
    assert len(answers) == {8: 4, 250: 1}[oids_per_pdu]


async def test_a_juniper_by_its_units(snmp: Engine, tmp_path: Path) -> None:
    """No recording of one is here: units are propVirtual, named <ifd>.<unit>, and the
    discontinuity time is there."""
    recording = tmp_path / "junos.snmprec"
    rows = [f"{oids.SYS_DESCR}|4|{JUNOS}", f"{oids.SYS_OBJECT_ID}|6|{JUNIPER}"]
    rows.append(f"{oids.SYS_UPTIME}|67|260000000")
    for index, (name, if_type) in enumerate(
        [("ge-0/0/1", 6), ("ge-0/0/1.100", 53), ("ge-0/0/1.0", 53)], start=500
    ):
        for root, value in (
            (oids.IF_DESCR, f"4|{name}"),
            (oids.IF_NAME, f"4|{name}"),
            (oids.IF_TYPE, f"2|{if_type}"),
            (oids.IF_OPER_STATUS, "2|1"),
            (oids.IF_HC_IN_OCTETS, "70|1000"),
            (oids.IF_HC_OUT_OCTETS, "70|2000"),
            (oids.IF_HIGH_SPEED, "66|1000"),
            (oids.IF_COUNTER_DISCONTINUITY_TIME, "67|4711"),
        ):
            rows.append(f"{root}.{index}|{value}")
    recording.write_text("\n".join(rows))
    spec = vlan_router(recording=str(recording), community="*", api_port=None, api_tls_port=None)
    with running_lab([spec]) as lab:
        target = SnmpTarget("127.0.0.1", lab.routers["r1"].snmp_port, community="x", timeout_s=1.0)
        found = await discover(snmp, target)
        wanted = [Wanted(i.index, i.name, 64, discontinuity=True) for i in found.interfaces]
        reading = await read_counters(snmp, target, wanted)
    assert (found.vendor, found.os, found.model) == ("Juniper", "Junos", "mx240")
    assert [(i.name, i.if_type, i.vlan_by_name) for i in found.interfaces] == [
        ("ge-0/0/1", 6, None),
        ("ge-0/0/1.100", 53, 100),
        ("ge-0/0/1.0", 53, None),
    ]
    assert {row.discontinuity_ticks for row in reading.rows} == {4711}
    assert shipped().choose(found.sys_object_id, found.sys_descr) is not PLAIN
