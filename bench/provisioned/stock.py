"""FreeRADIUS as Debian ships it, with its SQL module on: what our configuration is measured against."""

import re
import shutil
import socket
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from tests.harness.processes import Running, as_user, free_port, program

SHIPPED = Path("/etc/freeradius/3.0")
SECRET = "testing123"  # noqa: S105 - of localhost, in the clients.conf that is shipped
START_S = 20.0


class Stock:
    """A copy of /etc/freeradius/3.0 on ports of its own; what is changed in it is listed here."""

    def __init__(self, database_url: str, *, counts_devices: bool = False) -> None:
        """As it ships it reads Simultaneous-Use and counts nothing; `counts_devices` has it count."""
        self.directory = Path(tempfile.mkdtemp(prefix="ispcore-stock-"))
        self.auth_port, self._acct_port = (free_port(kind=socket.SOCK_DGRAM) for _ in range(2))
        self.raddb = self.directory / "raddb"
        shutil.copytree(SHIPPED, self.raddb, symlinks=True)
        self._edit("radiusd.conf", r"^(\s*)(user|group) = freerad$", r"\1# \2")
        for name in ("logdir", "run_dir", "db_dir"):
            self._edit("radiusd.conf", rf"^{name} = .*$", f"{name} = {self.directory}")
        self._edit("radiusd.conf", r"^raddbdir = .*$", f"raddbdir = {self.raddb}")
        for name in ("sites-enabled/inner-tunnel", "mods-enabled/eap"):  # no use for PPPoE
            (self.raddb / name).unlink()
        self._edit("sites-available/default", r"^\t(eap|Auth-Type eap).*\{$", "\tgroup {")
        self._edit("sites-available/default", r"^(\s+)-?eap$", r"\1# eap")
        self._edit("sites-available/default", r"^\s+ok = return$", "")
        if counts_devices:
            self._edit(
                "sites-available/default", r"^(session \{(?:\n#?\s.*|\n)*?\n)#(\tsql)$", r"\1\2"
            )
        self._listen()
        self._use_sql(database_url)
        self._server: Running | None = None

    def start(self) -> "Stock":
        """Raises DidNotStart."""
        self._server = Running(
            [*as_user("root"), program("freeradius"), "-f", "-l", "stdout", "-d", str(self.raddb)],
            log=self.directory / "log",
        )
        self._server.wait_until(self._is_ready, timeout_s=START_S)
        return self

    def stop(self) -> None:
        if self._server is not None:
            self._server.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _is_ready(self) -> bool:
        return "Ready to process requests" in (self.directory / "log").read_text(errors="replace")

    def _listen(self) -> None:
        ports = iter((self.auth_port, self._acct_port, self.auth_port, self._acct_port))
        path = self.raddb / "sites-available" / "default"
        text = path.read_text()
        text = re.sub(
            r"^\tport = 0$", lambda _: f"\tport = {next(ports)}", text, flags=re.MULTILINE
        )
        text = re.sub(r"^\tipaddr = \*$", "\tipaddr = 127.0.0.1", text, flags=re.MULTILINE)
        text = re.sub(r"^\tipv6addr = ::.*$", "\tipv6addr = ::1", text, flags=re.MULTILINE)
        path.write_text(text)

    def _use_sql(self, database_url: str) -> None:
        url = urlsplit(database_url)
        name = "mods-available/sql"
        self._edit(name, r'^\tdialect = "sqlite"$', '\tdialect = "mysql"')
        self._edit(name, r'^\tdriver = "rlm_sql_null"$', '\tdriver = "rlm_sql_mysql"')
        self._edit(name, r"^\t\ttls \{.*?^\t\t\}$", "", flags=re.MULTILINE | re.DOTALL)
        self._edit(
            name,
            r'^\tradius_db = "radius"$',
            f'\tserver = "{url.hostname}"\n\tport = {url.port}\n\tlogin = "{url.username}"\n'
            f'\tpassword = "{url.password}"\n\tradius_db = "{url.path[1:]}"',
        )
        (self.raddb / "mods-enabled" / "sql").symlink_to("../mods-available/sql")

    def _edit(self, name: str, pattern: str, text: str, *, flags: int = re.MULTILINE) -> None:
        path = self.raddb / name
        path.write_text(re.sub(pattern, text, path.read_text(), flags=flags))
