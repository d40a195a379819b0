"""The benchmark of provisioning: what it leaves out of our FreeRADIUS configuration, and stock's."""

import subprocess

import pytest

from bench.provisioned import logins, stock
from tests.harness.freeradius import DEPLOY
from tests.harness.processes import program

pytestmark = pytest.mark.servers


@pytest.mark.parametrize("feature", logins.FEATURES)
def test_each_feature_can_be_left_out(feature: str) -> None:
    name = logins.FEATURES[feature][0]
    with logins._without(feature) as configuration:
        ours = (DEPLOY / name).read_text()
        without = (configuration / name).read_text()
    assert len(without) < len(ours)
    assert without.count("{") == without.count("}")


def test_what_debian_ships_starts_with_its_sql_module() -> None:
    shipped = stock.Stock("mysql://radius:secret@127.0.0.1:3306/radius")
    try:
        done = subprocess.run(
            [program("freeradius"), "-XC", "-d", str(shipped.raddb)],
            check=False,
            capture_output=True,
            text=True,
        )
    finally:
        shipped.stop()
    assert "Configuration appears to be OK" in done.stdout, done.stdout[-2000:]
    assert "rlm_sql_mysql" in done.stdout
