"""The configurations of proxies that we hand out, run by the proxies themselves before a portal."""

import asyncio
import datetime
import http.client
import os
import re
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from websockets.asyncio.client import connect
from websockets.typing import Origin

from ispcore.accounts.hashing import BoundedArgon2
from ispcore.accounts.models import Account
from ispcore.base.models import AuditEntry
from tests.harness.processes import Running, free_port, program
from tests.live.test_server import _serve
from tests.packaging.documents import PROJECT

NAME = "portal.example.net"
ORIGIN = f"https://{NAME}"
ARGON2 = BoundedArgon2()  # as the portal hashes; tests within one process have a cheaper one
PROXIES = PROJECT / "deploy" / "proxy"


@dataclass
class Proxied:
    """A portal behind one of the proxies."""

    port: int

    def ask(
        self, method: str, path: str, *, form: dict[str, str] | None = None, **headers: str
    ) -> tuple[int, http.client.HTTPMessage, str]:
        """From 127.0.0.9, and lying about it."""
        plain = socket.create_connection(
            ("127.0.0.1", self.port), timeout=20, source_address=("127.0.0.9", 0)
        )
        connection = http.client.HTTPConnection(NAME)
        connection.sock = _anybody().wrap_socket(plain, server_hostname=NAME)
        sent = {"Host": NAME, "X-Forwarded-For": "198.51.100.66", "Referer": ORIGIN, **headers}
        if form is not None:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request(method, path, urlencode(form) if form else None, sent)
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
        return answer.status, answer.headers, body


def _anybody() -> ssl.SSLContext:
    """Whoever's certificate: here it is made for the test."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _certificate(directory: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (directory / "fullchain.pem").write_bytes(made.public_bytes(pem))
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (directory / "privkey.pem").write_bytes(private)


def _nginx(directory: Path, *, portal: int, port: int) -> list[str]:
    """Our file as a site of a whole configuration, on other ports and with another certificate."""
    _certificate(directory)
    site = (PROXIES / "nginx.conf").read_text()
    site = site.replace("/etc/letsencrypt/live/portal.example.net", str(directory))
    site = re.sub(r"    listen \[::\].*\n", "", site)
    site = site.replace("listen 80;", f"listen 127.0.0.1:{free_port()};")
    site = site.replace("listen 443 ", f"listen 127.0.0.1:{port} ")
    site = site.replace("127.0.0.1:8000", f"127.0.0.1:{portal}")
    (directory / "site.conf").write_text(site)
    places = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = " ".join(f"{place}_temp_path {directory}/{place};" for place in places)
    root = "user root;" if os.geteuid() == 0 else ""
    whole = directory / "nginx.conf"
    whole.write_text(
        f"{root} pid {directory}/nginx.pid; error_log {directory}/error.log; daemon off;\n"
        f"events {{}}\nhttp {{ access_log off; {temporary} include {directory}/site.conf; }}\n"
    )
    return [program("nginx"), "-p", str(directory), "-c", str(whole)]


def _caddy(directory: Path, *, portal: int, port: int) -> list[str]:
    """Our file with a certificate of its own making, on another port."""
    site = (PROXIES / "Caddyfile").read_text()
    site = site.replace(f"\n{NAME} {{", f"\nhttps://{NAME}:{port} {{")
    site = site.replace("127.0.0.1:8000", f"127.0.0.1:{portal}")
    options = (
        "{\n\tadmin off\n\tlocal_certs\n\tskip_install_trust\n\tauto_https disable_redirects\n}\n"
    )
    (directory / "Caddyfile").write_text(options + site)
    return [program("caddy"), "run", "--adapter", "caddyfile", "--config", f"{directory}/Caddyfile"]


COMMANDS = {"nginx": _nginx, "caddy": _caddy}


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(params=sorted(COMMANDS))
def proxied(
    request: pytest.FixtureRequest, transactional_db: None, tmp_path: Path
) -> Iterator[Proxied]:
    portal = _serve(tmp_path, repeat=1, PUBLIC_URL=ORIGIN)
    port = free_port()
    command = COMMANDS[request.param](tmp_path, portal=next(portal), port=port)
    home = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}
    running = Running(command, log=tmp_path / "proxy.log", environment=home)
    running.wait_until(lambda: _listens(port), timeout_s=30)
    yield Proxied(port)
    running.stop()
    for _ in portal:
        pass


def test_nginx_says_that_our_file_is_right(tmp_path: Path) -> None:
    command = [*_nginx(tmp_path, portal=8000, port=free_port()), "-t"]
    Running(command, log=tmp_path / "test.log").wait(timeout_s=30)
    assert "test is successful" in (tmp_path / "test.log").read_text()


def test_caddy_says_that_our_file_is_right(tmp_path: Path) -> None:
    file = str(PROXIES / "Caddyfile")
    home = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}
    command = [program("caddy"), "validate", "--adapter", "caddyfile", "--config", file]
    Running(command, log=tmp_path / "test.log", environment=home).wait(timeout_s=30)
    assert "Valid configuration" in (tmp_path / "test.log").read_text()


def test_pages_logins_and_sockets_pass_with_the_clients_own_address(
    proxied: Proxied, noc: Account
) -> None:
    Account.objects.filter(pk=noc.pk).update(password=ARGON2.encode("noc-password", "saltsaltsalt"))
    status, headers, html = proxied.ask("GET", "/account/login/")
    assert status == 200
    assert "max-age=31536000" in headers["Strict-Transport-Security"]
    assert headers["X-Frame-Options"] == "DENY"
    cookie = next(each for each in headers.get_all("Set-Cookie", []) if "csrftoken" in each)
    assert "Secure" in cookie
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', html)
    assert token
    form = {"csrfmiddlewaretoken": token[1], "login": "noc", "password": "noc-password"}
    status, headers, _ = proxied.ask(
        "POST", "/account/login/", form=form, Cookie=cookie.partition(";")[0]
    )
    assert status == 302
    session = next(each for each in headers.get_all("Set-Cookie", []) if "sessionid" in each)
    assert "Secure" in session
    assert "HttpOnly" in session
    assert AuditEntry.objects.get(action="log in").address == "127.0.0.9"
    assert '"frames"' in asyncio.run(_first_frame(proxied.port, session.partition(";")[0]))


async def _first_frame(port: int, cookie: str) -> str:
    """What a page over TLS is first shown of the alerts."""
    async with connect(
        f"wss://{NAME}/live/",
        host="127.0.0.1",
        port=port,
        ssl=_anybody(),
        origin=Origin(ORIGIN),
        additional_headers={"Cookie": cookie},
    ) as line:
        await line.send('{"subscribe": [["alerts", ""]]}')
        async for message in line:
            if "frames" in message or "refused" in message:
                return str(message)
    raise AssertionError("closed")
