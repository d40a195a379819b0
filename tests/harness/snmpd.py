"""A private Debian net-snmp agent: a real device that nobody here wrote."""

import shutil
import signal
import socket
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from tests.harness.processes import Running, as_user, free_port, program

START_S = 20.0


@dataclass(frozen=True, slots=True)
class Agent:
    """Where the agent listens (127.0.0.1 and, where there is IPv6, ::1) and what it accepts."""

    port: int
    community: str = "ispcore-test"
    user: str = "ispcore"
    auth_protocol: str = "SHA"
    auth_password: str = "auth-password-1"
    priv_protocol: str = "AES"
    priv_password: str = "priv-password-1"
    host: str = "127.0.0.1"
    directory: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="ispcore-snmp-")))


def start() -> tuple[Agent, Running]:
    """Start the agent and wait until it answers. Raises DidNotStart."""
    agent = Agent(port=free_port(kind=socket.SOCK_DGRAM))
    configuration = agent.directory / "snmpd.conf"
    configuration.write_text(
        # writing is allowed so that a test can shorten the agent's interface cache (15 s)
        f"rwcommunity {agent.community} 127.0.0.1\n"
        + (f"rwcommunity6 {agent.community} ::1\n" if has_ipv6() else "")
        + f"createUser {agent.user} {agent.auth_protocol} {agent.auth_password}"
        f" {agent.priv_protocol} {agent.priv_password}\n"
        f"rouser {agent.user} priv\n"
        "sysName ispcore-test-agent\n"
        "sysLocation tests\n"
    )
    addresses = [f"udp:127.0.0.1:{agent.port}"]
    if has_ipv6():
        addresses.append(f"udp6:[::1]:{agent.port}")
    running = Running(
        [
            *as_user("root"),
            program("snmpd"),
            *("-f", "-Lo", "-C", "-c", str(configuration), "-I", "-smux"),
            *addresses,
        ],
        log=agent.directory / "snmpd.log",
        environment={
            "MIBS": "",
            "SNMP_PERSISTENT_DIR": str(agent.directory / "state"),
            "SNMPCONFPATH": str(agent.directory),
        },
    )
    running.wait_until(
        lambda: "NET-SNMP version" in running.log.read_text(errors="replace"), timeout_s=START_S
    )
    return agent, running


def stop(agent: Agent, running: Running) -> None:
    running.stop(how=signal.SIGTERM)
    shutil.rmtree(agent.directory, ignore_errors=True)


def has_ipv6() -> bool:
    """Whether ::1 can be bound on this machine."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True
