"""The control socket and the command line, as real processes and in this one."""

import asyncio
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.__main__ import main
from lab.control import ControlServer, LabAway, send
from lab.testing import lab_in_loop
from lab.verbs import BadControl
from tests.lab.conftest import two_vlans

CONFIG = {
    "routers": [
        {
            "name": "r1",
            "api_port": 0,
            "snmp_port": 0,
            "uptime_s": 3600,
            "vlans": [
                {
                    "name": "vlan101",
                    "vlan_id": 101,
                    "parent": "sfp-sfpplus2",
                    "profile": {"peak_down_bps": 200_000_000, "peak_up_bps": 40_000_000},
                }
            ],
        },
        {"name": "r2", "address": "::1", "uptime_s": 60},
    ]
}


def serve(folder: Path) -> subprocess.Popen[str]:
    """A lab process that is ready."""
    config = folder / "network.json"
    config.write_text(json.dumps(CONFIG))
    command = [sys.executable, "-m", "lab", "serve", "--config", str(config)]
    command += ["--state-dir", str(folder / "state"), "--control", str(folder / "control")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "lab: 2 routers on loopback ready\n"
    return process


def end(process: subprocess.Popen[str], with_signal: signal.Signals = signal.SIGTERM) -> str:
    """What it still said on its way out; it must leave in peace."""
    process.send_signal(with_signal)
    out, complaints = process.communicate(timeout=10)
    assert complaints == ""
    assert process.returncode == 0
    return out


@pytest.fixture
def process(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    running = serve(tmp_path)
    yield running
    if running.poll() is None:
        end(running)


def vlan(folder: Path) -> dict[str, Any]:
    status = send(folder / "control", "status", router="r1")
    row: dict[str, Any] = status["routers"]["r1"]["interfaces"][-1]
    return row


def test_a_level_is_set_over_the_socket(tmp_path: Path, process: subprocess.Popen[str]) -> None:
    send(tmp_path / "control", "level", router="r1", interface="vlan101", down_bps=5_000_000)
    assert vlan(tmp_path)["tx_bps"] == 5_000_000


def test_a_restarted_process_continues_the_router(
    tmp_path: Path, process: subprocess.Popen[str]
) -> None:
    send(tmp_path / "control", "level", router="r1", interface="vlan101", down_bps=80_000_000)
    before = send(tmp_path / "control", "status")["routers"]["r1"]
    assert end(process) == "lab: stopped\n"
    assert not (tmp_path / "control").exists()
    again = serve(tmp_path)
    try:
        after = send(tmp_path / "control", "status")["routers"]["r1"]
    finally:
        end(again, signal.SIGINT)
    seconds = after["uptime_s"] - before["uptime_s"]
    octets = after["interfaces"][-1]["tx_octets"] - before["interfaces"][-1]["tx_octets"]
    assert 0 < seconds < 10
    assert octets == pytest.approx(seconds * 10_000_000, rel=0.02)


def test_the_socket_is_its_owners_alone(tmp_path: Path, process: subprocess.Popen[str]) -> None:
    assert (tmp_path / "control").stat().st_mode & 0o777 == 0o600


def test_a_socket_file_left_behind_is_replaced(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "control"))
    end(serve(tmp_path))


async def test_a_line_that_is_no_request_is_answered_and_the_next_works(tmp_path: Path) -> None:
    async with lab_in_loop([two_vlans()]) as lab:
        server = ControlServer(lab, tmp_path / "control")
        await server.start()
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / "control"))
        answers = []
        for line in (b"what\n", b"[1]\n", b"\xff\n", b'{"verb": "slow", "delay_ms": "x"}\n'):
            writer.write(line)
            answers.append(json.loads(await reader.readline()))
        writer.write(b'{"verb": "dead", "router": "r1"}\n')
        last = json.loads(await reader.readline())
        writer.close()
        await server.stop()
    assert all("error" in answer for answer in answers)
    assert last == {}


def test_nobody_at_the_socket_is_said(tmp_path: Path) -> None:
    with pytest.raises(LabAway, match="no lab at"):
        send(tmp_path / "nobody", "status")


def test_a_refusal_comes_back_as_what_it_is(tmp_path: Path, process: subprocess.Popen[str]) -> None:
    with pytest.raises(BadControl, match="no router called 'r7'"):
        send(tmp_path / "control", "dead", router="r7")


def test_the_command_line_takes_names_and_values(
    tmp_path: Path, process: subprocess.Popen[str], capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["control", "--socket", str(tmp_path / "control")]
    level = ["level", "router=r1", "interface=vlan101", "down-bps=7000000", "up-bps=0"]
    assert main([*words, *level]) == 0
    assert json.loads(capsys.readouterr().out) == {}
    assert vlan(tmp_path)["tx_bps"] == 7_000_000


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("{", "Expecting property name"),
        ("[]", "must be an object with a list of routers"),
        ('{"routers": [{}]}', "router ?: name is missing"),
        ('{"routers": [{"name": "a", "colour": 1}]}', "router a: unknown field 'colour'"),
        ('{"routers": [{"name": "a"}, {"name": "a"}]}', "two routers are called 'a'"),
        (
            '{"routers": [{"name": "a", "vlans": [{"name": "v", "vlan_id": 0, "parent": "e"}]}]}',
            "vlan v: vlan_id 0 is not from 1 to 4094",
        ),
        (
            '{"routers": [{"name": "a", "vlans": [{"name": "v", "vlan_id": 1, "parent": "e"}]}]}',
            "router a: vlan v: no port 'e'",
        ),
    ],
)
def test_a_wrong_configuration_is_explained_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], config: str, message: str
) -> None:
    file = tmp_path / "network.json"
    file.write_text(config)
    assert main(["serve", "--config", str(file)]) == 1
    complaint = capsys.readouterr().err
    assert message in complaint
    assert complaint.count("\n") == 1


@pytest.mark.parametrize(
    "words",
    [
        ["serve", "--config", "/nonexistent/network.json"],
        ["control", "--socket", "/nonexistent/socket", "status"],
        ["control", "--socket", "/nonexistent/socket", "status", "r1"],
        ["play", "--socket", "/nonexistent/socket", "day-of-trouble"],
        ["play", "--socket", "/nonexistent/socket", "/nonexistent/scenario.json"],
    ],
)
def test_what_is_not_there_is_said_in_one_line(
    capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert main(words) == 1
    assert capsys.readouterr().err.count("\n") == 1
