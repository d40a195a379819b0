"""A pytest plugin, loaded first: decides the settings' environment before Django reads it.

Nothing of the developer's own portal is used: var/ is a temporary directory, secrets are made up,
and the databases are SQLite files in it, or private servers when ISPCORE_TEST_VENDOR=postgresql
(which means PostgreSQL for the portal and MariaDB for RADIUS).
"""

import atexit
import base64
import functools
import os
import shutil
import signal
import tempfile
from pathlib import Path
from types import FrameType

from tests.harness import databases

VENDOR = os.environ.get("ISPCORE_TEST_VENDOR") or "sqlite"
OURS = ("SECRET_KEY", "FIELD_ENCRYPTION_KEYS", "DATABASE_URL", "RADIUS_DATABASE_URL")
FOREIGN = (
    *("ALLOWED_HOSTS", "PUBLIC_URL", "DEBUG", "SNMP_ENGINE", "DEVICE_MODELS", "COLLECT_PERIOD_S"),
    *("ISPCORE_TIME_ZONE", "ISPCORE_DEMO", "ISPCORE_EMBEDDED", "ISPCORE_PROCESS"),
    "ISPCORE_STOP_AT",
    *("WATCH_PERIOD_S", "COLLECT_CONCURRENCY", "UPLINK_PROBES", "SPOOL_MB", "ISPCORE_NODE"),
    *("AUDIT_KEEP_DAYS", "TRUST_REQUEST_ID", "DATABASE_ROLE"),
    *("TRUSTED_PROXIES", "LOGINS_AT_ONCE", "EMAIL_URL", "EMAIL_FROM"),
    *("USAGE_KEEP_DAYS", "INTERFACE_USAGE_KEEP_DAYS", "HOURLY_KEEP_DAYS"),
)


@functools.cache
def servers() -> databases.Servers:
    """The private servers of this run, started when first asked for."""
    started = databases.start()
    atexit.register(started.stop)
    return started


@functools.cache
def var_dir() -> Path:
    """The directory that stands in for var/ in this run."""
    path = Path(tempfile.mkdtemp(prefix="ispcore-var-"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def _prepare() -> None:
    for name in (*OURS, *FOREIGN):
        os.environ.pop(name, None)
        os.environ.pop(f"{name}_FILE", None)
    (var_dir() / "static").mkdir(exist_ok=True)  # whitenoise warns where it is missing
    os.environ["ISPCORE_VAR"] = str(var_dir())
    os.environ["SECRET_KEY"] = "only-for-tests-" + "0123456789abcdef" * 4
    os.environ["FIELD_ENCRYPTION_KEYS"] = base64.urlsafe_b64encode(b"k" * 32).decode()
    if VENDOR == "postgresql":
        os.environ["DATABASE_URL"] = servers().postgresql.url("ispcore")
        os.environ["RADIUS_DATABASE_URL"] = servers().mariadb.url("radius")
    elif VENDOR != "sqlite":
        raise SystemExit(f"ISPCORE_TEST_VENDOR is sqlite or postgresql, not {VENDOR!r}")


def _end(number: int, frame: FrameType | None) -> None:
    """SIGTERM is like Ctrl-C: fixtures are torn down, private servers are stopped."""
    raise KeyboardInterrupt


_prepare()
signal.signal(signal.SIGTERM, _end)
