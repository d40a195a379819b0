"""A private PostgreSQL and MariaDB: free loopback ports, temporary data, no durability unless asked."""

import contextlib
import os
import re
import secrets
import shutil
import signal
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ispcore.base.rls import roles
from tests.harness.processes import (
    DidNotStart,
    Running,
    as_user,
    descendants,
    free_port,
    program,
)

USER = "ispcore"
START_S = 60.0
FAST = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
}
FAST_INNODB = (
    *("--innodb-flush-log-at-trx-commit=0", "--innodb-flush-method=nosync"),
    "--innodb-doublewrite=0",
)
DURABLE = dict.fromkeys(FAST, "on")


class Server(Protocol):
    """A database server of the harness."""

    def url(self, database: str) -> str: ...
    def create(self, database: str) -> str: ...
    def stop(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Servers:
    """Both servers of a run."""

    postgresql: Server
    mariadb: Server

    def stop(self) -> None:
        self.postgresql.stop()
        self.mariadb.stop()


def start(*, durable: bool = False) -> Servers:
    """Start both side by side (about 4 s); `durable` as of each. Raises DidNotStart."""
    postgresql, mariadb = PostgreSQL(durable=durable), MariaDB(durable=durable)
    try:
        postgresql.start()
        mariadb.start()
    except BaseException:
        postgresql.stop()
        mariadb.stop()
        raise
    return Servers(postgresql, mariadb)


class PostgreSQL:
    """PostgreSQL with one login, which may create databases, take the portal's roles, and is no
    superuser.

    `settings` are added to those that make tests quick; benchmarks of queries want real ones.
    """

    def __init__(self, *, durable: bool = False, settings: Mapping[str, str] | None = None) -> None:
        """`durable`: a commit is on the disk, as an operator's is."""
        self.durable, self.settings = durable, settings or {}
        self.directory = _directory("pg")
        self.port = free_port()
        self.password = secrets.token_hex(16)
        self._server: Running | None = None
        secret = self.directory / "password"
        secret.write_text(self.password)
        _give(secret, "postgres")
        self._making = Running(
            [
                *as_user("postgres"),
                _postgresql_program("initdb"),
                f"--pgdata={self.directory / 'data'}",
                *("--username=harness", f"--pwfile={secret}", "--auth=scram-sha-256"),
                *("--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"),
            ],
            log=self.directory / "initdb.log",
        )

    def start(self) -> None:
        """Wait for the data directory, then for the server. Raises DidNotStart."""
        self._making.wait(timeout_s=START_S)
        self.come_back()
        self._execute(f"CREATE ROLE {USER} LOGIN CREATEDB PASSWORD '{self.password}'")
        self._execute(roles.sql(USER))
        self.create("ispcore")

    def come_back(self) -> None:
        """Start the server, on the port it always had. Raises DidNotStart."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": "200",
            "shared_buffers": "64MB",
            **(DURABLE if self.durable else FAST),
            **self.settings,
        }
        self._server = Running(
            [
                *as_user("postgres", ends_with=signal.SIGQUIT),
                _postgresql_program("postgres"),
                f"-D{self.directory / 'data'}",
                *(f"-c{name}={value}" for name, value in settings.items()),
            ],
            log=self.directory / "postgres.log",
        )
        self._server.wait_until(self._ready, timeout_s=START_S)

    def go_away(self) -> None:
        """Stop it as an operator does: clients are told, and nobody waits for them."""
        assert self._server is not None
        self._server.stop(how=signal.SIGINT)

    def kill(self) -> int:
        """SIGKILL to all its processes at once; returns the code the first of them ended with."""
        return _kill(self._server)

    def url(self, database: str) -> str:
        return f"postgresql://{USER}:{self.password}@127.0.0.1:{self.port}/{database}"

    def create(self, database: str, *, like: str = "template1") -> str:
        """A new database of ours, empty or a copy (nobody may be connected to what is copied);
        returns its URL."""
        name, template = _word(database), _word(like)
        self._execute(f"CREATE DATABASE {name} OWNER {USER} TEMPLATE {template}")
        return self.url(database)

    def make_login(self, name: str, *, role: str = "") -> str:
        """Another login, which may take that role or none; returns what stands before the host in
        its URL."""
        granted = f"IN ROLE {_word(role)}" if role else ""
        self.as_superuser(f"CREATE ROLE {_word(name)} LOGIN PASSWORD '{self.password}' {granted}")
        return f"{name}:{self.password}"

    def as_superuser(self, statement: str) -> None:
        """For what belongs to the server and not to a database: roles."""
        self._execute(statement)

    def stop(self) -> None:
        self._making.stop()
        if self._server is not None:
            self._server.stop(how=signal.SIGINT)  # fast: does not wait for clients
        shutil.rmtree(self.directory, ignore_errors=True)

    def _connect(self) -> Any:
        import psycopg

        return psycopg.connect(
            f"postgresql://harness:{self.password}@127.0.0.1:{self.port}/postgres",
            connect_timeout=5,
            autocommit=True,
        )

    def _ready(self) -> bool:
        import psycopg

        with contextlib.suppress(psycopg.OperationalError), self._connect():
            return True
        return False

    def _execute(self, statement: str) -> None:
        with self._connect() as connection:
            connection.execute(statement)


class MariaDB:
    """MariaDB as the portal asks for it: utf8mb4, READ COMMITTED, UTC.

    `settings` are added to those that make tests quick; benchmarks want real ones.
    """

    def __init__(self, *, durable: bool = False, settings: Mapping[str, str] | None = None) -> None:
        """`durable`: a commit is on the disk, as MariaDB ships it."""
        self.durable, self.settings = durable, settings or {}
        self.directory = _directory("my")
        self.port = free_port()
        self.password = secrets.token_hex(16)
        self._server: Running | None = None
        # of its own, for two that are made at the same time took each other's files for theirs
        scratch = self.directory / "tmp"
        scratch.mkdir()
        for path in (self.directory, scratch):
            _give(path, "mysql")
        self._making = Running(
            [
                *as_user("mysql"),
                program("mariadb-install-db"),
                "--no-defaults",
                f"--datadir={self.directory / 'data'}",
                f"--tmpdir={scratch}",
                *("--auth-root-authentication-method=normal", "--skip-test-db"),
                *("--skip-name-resolve", "--innodb-flush-method=nosync"),
            ],
            log=self.directory / "install.log",
        )

    def start(self) -> None:
        """Wait for the data directory, then for the server. Raises DidNotStart."""
        self._making.wait(timeout_s=START_S)
        self.come_back()

    def come_back(self) -> None:
        """Start the server, on the port it always had. Raises DidNotStart."""
        first = self.directory / "first.sql"
        first.write_text(
            f"ALTER USER root@localhost IDENTIFIED BY '{self.password}';\n"
            f"CREATE USER IF NOT EXISTS {USER}@'127.0.0.1' IDENTIFIED BY '{self.password}';\n"
            f"GRANT ALL ON *.* TO {USER}@'127.0.0.1' WITH GRANT OPTION;\n"
            "CREATE DATABASE IF NOT EXISTS radius;\n"
        )
        _give(first, "mysql")
        self._server = Running(
            [
                *as_user("mysql"),
                program("mariadbd"),
                "--no-defaults",
                f"--datadir={self.directory / 'data'}",
                f"--tmpdir={self.directory / 'tmp'}",
                f"--socket={self.directory / 's'}",
                f"--pid-file={self.directory / 'pid'}",
                f"--init-file={first}",
                *("--bind-address=127.0.0.1", f"--port={self.port}", "--skip-name-resolve"),
                *("--character-set-server=utf8mb4", "--collation-server=utf8mb4_general_ci"),
                *("--transaction-isolation=READ-COMMITTED", "--default-time-zone=+00:00"),
                "--innodb-buffer-pool-size=64M",
                *(() if self.durable else FAST_INNODB),
                *(f"--{name}={value}" for name, value in self.settings.items()),
            ],
            log=self.directory / "mariadb.log",
        )
        self._server.wait_until(self._ready, timeout_s=START_S)

    def go_away(self) -> None:
        """Stop it as an operator does."""
        assert self._server is not None
        self._server.stop()

    def kill(self) -> int:
        """SIGKILL; returns the code it ended with."""
        return _kill(self._server)

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """It stands still: connections are open, and nothing comes back."""
        assert self._server is not None
        os.kill(self._server.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self._server.pid, signal.SIGCONT)

    def url(self, database: str) -> str:
        return f"mysql://{USER}:{self.password}@127.0.0.1:{self.port}/{database}"

    def create(self, database: str) -> str:
        """A new empty database; returns its URL."""
        with contextlib.closing(self._connect()) as connection:
            connection.cursor().execute(f"CREATE DATABASE {_word(database)}")
        return self.url(database)

    def stop(self) -> None:
        self._making.stop()
        if self._server is not None:
            self._server.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _connect(self) -> Any:
        try:
            import MySQLdb
        except ImportError as error:
            raise DidNotStart("mysqlclient is missing: run script/bootstrap --dev") from error
        return MySQLdb.connect(
            host="127.0.0.1", port=self.port, user=USER, password=self.password, connect_timeout=5
        )

    def _ready(self) -> bool:
        import MySQLdb

        with contextlib.suppress(MySQLdb.OperationalError):
            self._connect().close()
            return True
        return False


def _kill(server: Running | None) -> int:
    assert server is not None
    family = [server.pid, *descendants(server.pid)]
    for number in (signal.SIGSTOP, signal.SIGKILL):  # none may see another end, and clean up
        for pid in family:
            with contextlib.suppress(ProcessLookupError):  # its session has ended meanwhile
                os.kill(pid, number)
    return server.ended()


def _directory(name: str) -> Path:
    """A temporary directory that other users may pass through to their own files in it."""
    path = Path(tempfile.mkdtemp(prefix=f"ispcore-{name}-"))
    path.chmod(0o755)
    if name == "pg":
        _give(path, "postgres")
    return path


def _give(path: Path, user: str) -> None:
    path.chmod(0o700 if path.is_file() else 0o755)
    if os.geteuid() == 0:
        shutil.chown(path, user, user)


def _postgresql_program(name: str) -> str:
    """Debian keeps the server's programs out of PATH, one directory per version."""
    versions = sorted(
        Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4])
    )
    return str(versions[-1]) if versions else program(name)


def _word(name: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,50}", name):
        raise ValueError(f"not a database name: {name!r}")
    return name
