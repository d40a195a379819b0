"""net-snmp's tools talk to the lab's agents."""

import shutil
import subprocess
from collections.abc import Iterator

import pytest

from lab.spec import V3User
from lab.testing import RunningLab, running_lab
from tests.lab.conftest import two_vlans

pytestmark = [
    pytest.mark.servers,
    pytest.mark.skipif(
        shutil.which("snmpget") is None, reason="net-snmp's tools are missing: apt-get install snmp"
    ),
]
USERS = {
    user.name: user
    for user in (
        V3User("open"),
        V3User("md5", "MD5", "password-one"),
        V3User("shaaes", "SHA1", "password-one", "AES128", "password-two"),
        V3User("sha256aes", "SHA256", "password-one", "AES128", "password-two"),
        V3User("sha512aes", "SHA512", "password-one", "AES128", "password-two"),
        V3User("md5des", "MD5", "password-one", "DES", "password-two"),
    )
}
NAMES = {"SHA1": "SHA", "SHA256": "SHA-256", "SHA512": "SHA-512", "MD5": "MD5"}
SYS_NAME = ".1.3.6.1.2.1.1.5.0"
SYS_UP_TIME = ".1.3.6.1.2.1.1.3.0"
IF_X_TABLE = ".1.3.6.1.2.1.31.1.1.1"


@pytest.fixture(scope="module")
def agents() -> Iterator[RunningLab]:
    users = tuple(USERS.values())
    specs = [two_vlans(v3_users=users), two_vlans("six", address="::1", v3_users=users)]
    with running_lab(specs) as running:
        yield running


def net_snmp(lab: RunningLab, tool: str, *words: str, router: str = "r1") -> str:
    """What the tool printed; raises AssertionError with its complaint."""
    device = lab.routers[router]
    host = "udp6:[::1]" if ":" in device.spec.address else "udp:127.0.0.1"
    *options, oid = words
    command = [tool, *options, "-t", "2", "-r", "0", "-On", f"{host}:{device.snmp_port}", oid]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def v3(user: V3User, **changed: str) -> list[str]:
    level = "authPriv" if user.priv else "authNoPriv" if user.auth else "noAuthNoPriv"
    words = ["-v3", "-u", changed.get("name", user.name), "-l", changed.get("level", level)]
    if user.auth:
        words += ["-a", NAMES[user.auth], "-A", changed.get("auth", user.auth_password)]
    if user.priv:
        words += [
            "-x",
            user.priv.removesuffix("128"),
            "-X",
            changed.get("priv", user.priv_password),
        ]
    return words


V2C = ("-v2c", "-c", "lab-community")


def test_snmpget_v2c(agents: RunningLab) -> None:
    assert net_snmp(agents, "snmpget", *V2C, SYS_NAME) == f'{SYS_NAME} = STRING: "r1"\n'


def test_snmpwalk_v1(agents: RunningLab) -> None:
    walked = net_snmp(agents, "snmpwalk", "-v1", "-c", "lab-community", ".1.3")
    assert "Counter64" not in walked
    assert '"vlan101"' in walked


@pytest.mark.parametrize("router", ["r1", "six"])
def test_snmpbulkwalk_v2c_over_both_families(agents: RunningLab, router: str) -> None:
    walked = net_snmp(agents, "snmpbulkwalk", *V2C, IF_X_TABLE, router=router)
    assert len(walked.splitlines()) == 10 * 5
    assert walked.count("Counter64") == 5 * 5


@pytest.mark.parametrize("name", sorted(USERS))
def test_snmpbulkwalk_v3(agents: RunningLab, name: str) -> None:
    walked = net_snmp(agents, "snmpbulkwalk", *v3(USERS[name]), IF_X_TABLE)
    assert len(walked.splitlines()) == 10 * 5


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"auth": "wrong-password"}, "Authentication failure"),
        ({"name": "nobody"}, "Unknown user name"),
        ({"level": "authNoPriv"}, "authorizationError"),
        ({"priv": "wrong-password"}, "Decryption error|Timeout"),
    ],
)
def test_wrong_v3_credentials_are_told_apart(
    agents: RunningLab, changed: dict[str, str], complaint: str
) -> None:
    with pytest.raises(AssertionError, match=complaint):
        net_snmp(agents, "snmpget", *v3(USERS["shaaes"], **changed), SYS_NAME)


def test_a_level_that_the_user_does_not_have_is_unsupported(agents: RunningLab) -> None:
    words = [*v3(USERS["open"], level="authNoPriv"), "-a", "MD5", "-A", "password-one"]
    with pytest.raises(AssertionError, match="Unsupported security level"):
        net_snmp(agents, "snmpget", *words, SYS_NAME)


def test_a_wrong_community_times_out(agents: RunningLab) -> None:
    with pytest.raises(AssertionError, match="Timeout"):
        net_snmp(agents, "snmpget", "-v2c", "-c", "public", SYS_NAME)


def test_v3_goes_on_after_a_reboot(agents: RunningLab) -> None:
    """Boots grow and time starts again: a client that discovers anew is let in."""
    agents.control("reboot", router="six")
    words = v3(USERS["shaaes"])
    assert "(" in net_snmp(agents, "snmpget", *words, SYS_UP_TIME, router="six")
    boots = agents.routers["six"].router.engine_boots
    assert boots == 2


def test_a_dead_agent_is_silent_and_returns(agents: RunningLab) -> None:
    agents.control("dead", router="r1")
    with pytest.raises(AssertionError, match="Timeout"):
        net_snmp(agents, "snmpget", *V2C, SYS_NAME)
    agents.control("alive", router="r1")
    assert '"r1"' in net_snmp(agents, "snmpget", *V2C, SYS_NAME)
