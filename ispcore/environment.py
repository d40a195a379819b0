"""Reads settings from the environment and remembers what was asked, for the README's table."""

import ipaddress
import os
import zoneinfo
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import environ
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

DATABASE_KINDS = ("postgresql", "postgres", "mysql", "sqlite")
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
PROJECT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Variable:
    """One environment variable: its default as shown to people, and what it is for."""

    name: str
    default: str
    meaning: str


def var_dir() -> Path:
    """Where the embedded databases and generated secrets live (ISPCORE_VAR, else var/)."""
    return Path(os.environ.get("ISPCORE_VAR") or PROJECT / "var").resolve()


class Environment:
    """Typed reads; a value may also stand in NAME_FILE, or in var/secrets.env and var/demo.env.

    Where there is a default, empty is as good as not given: NAME= in an .env file means nothing.
    Every read raises ImproperlyConfigured, which names the variable, for what it cannot use.
    """

    def __init__(self, var: Path) -> None:
        self.variables: list[Variable] = []
        for name in ("secrets.env", "demo.env"):
            if (var / name).is_file():
                environ.Env.read_env(str(var / name))
        self._env = environ.FileAwareEnv()

    def text(self, name: str, default: str, meaning: str, *, shown: str | None = None) -> str:
        self._note(name, default if shown is None else shown, meaning)
        return self._given(name) or default

    def address(self, name: str, meaning: str) -> str:
        """http://host or https://host, without a slash at the end; empty where not given."""
        value = self.text(name, "", meaning).rstrip("/")
        parts = urlsplit(value)
        if value and (parts.scheme not in {"http", "https"} or not parts.hostname or parts.path):
            raise ImproperlyConfigured(
                f"{name} is {value!r}: give the scheme and the host only, for example "
                "https://portal.example.net"
            )
        return value

    def one_of(self, name: str, choices: Sequence[str], meaning: str) -> str:
        """One of `choices`; the first is the default."""
        value = self.text(name, choices[0], meaning)
        if value not in choices:
            raise ImproperlyConfigured(f"{name} is {value!r}, and must be {' or '.join(choices)}")
        return value

    def zone(self, name: str, default: str, meaning: str) -> str:
        """The name of a time zone, as Area/City."""
        value = self.text(name, default, meaning)
        if value not in zoneinfo.available_timezones():
            raise ImproperlyConfigured(
                f"{name}: {value!r} is no time zone; give Area/City, for example Africa/Nairobi"
            )
        return value

    def integer(self, name: str, default: int, meaning: str, *, among: range | None = None) -> int:
        self._note(name, str(default), meaning)
        value = self._given(name) or str(default)
        if not value.isascii() or not value.isdecimal():
            raise ImproperlyConfigured(f"{name} is {value!r}, and must be a whole number")
        if among is not None and int(value) not in among:
            step = f" in steps of {among.step}" if among.step > 1 else ""
            raise ImproperlyConfigured(
                f"{name} is {value}, and must be {among[0]} to {among[-1]}{step}"
            )
        return int(value)

    def flag(self, name: str, meaning: str, *, default: bool = False) -> bool:
        self._note(name, "1" if default else "0", meaning)
        return bool(self._env.bool(name, default=default))

    def items(self, name: str, default: list[str], meaning: str) -> list[str]:
        self._note(name, ",".join(default), meaning)
        return [item.strip() for item in self._given(name).split(",") if item.strip()] or default

    def ip_addresses(self, name: str, meaning: str) -> list[str]:
        """IPv4 and IPv6 addresses, comma separated; none where not given."""
        found = self.items(name, [], meaning)
        for one in found:
            try:
                ipaddress.ip_address(one)
            except ValueError:
                raise ImproperlyConfigured(
                    f"{name}: {one!r} is no IP address; give addresses, comma separated, for "
                    "example 10.0.0.1,2001:db8::1"
                ) from None
        return found

    def networks(self, name: str, default: str, meaning: str) -> list[Network]:
        """Networks and addresses, comma separated."""
        found = []
        for one in self.items(name, default.split(","), meaning):
            try:
                found.append(ipaddress.ip_network(one))
            except ValueError:
                raise ImproperlyConfigured(
                    f"{name}: {one!r} is no network; give networks, comma separated, for example "
                    "10.0.0.0/8,2001:db8::1"
                ) from None
        return found

    def mail(self, name: str, meaning: str) -> dict[str, object]:
        """Django's mail settings from an address; empty where not given."""
        self._note(name, "", meaning)
        url = self._given(name)
        config: dict[str, object] = {}
        if url.partition("://")[0] in environ.Env.EMAIL_SCHEMES:
            with suppress(ValueError, KeyError):  # its message would hold the password
                config = dict(environ.Env.email_url_config(url))
        if url and not config:
            raise ImproperlyConfigured(
                f"{name} is no mail address: give smtp+tls://user:password@host:587, smtp+ssl://, "
                "smtp://, consolemail:// or filemail:///directory, and write / : @ # ? % in a "
                "password as %2F %3A %40 %23 %3F %25"
            )
        return config

    def secret(self, name: str, meaning: str) -> str:
        """A value that has no default. Raises ImproperlyConfigured when nobody gave it."""
        self._note(name, "generated into var/secrets.env", meaning)
        value = self._given(name)
        if not value:
            raise ImproperlyConfigured(
                f"{name} is not set: give it in the environment (or {name}_FILE), "
                "or let script/server generate it into var/secrets.env"
            )
        return value

    def keys(self, name: str, meaning: str) -> list[str]:
        """Fernet keys, comma separated."""
        keys = [key.strip() for key in self.secret(name, meaning).split(",")]
        try:
            for key in keys:
                Fernet(key)
        except ValueError as error:  # its message holds no key
            raise ImproperlyConfigured(
                f"{name}: each key is 32 bytes in URL-safe base64, comma separated"
            ) from error
        return keys

    def database(self, name: str, default: str, meaning: str) -> dict[str, object]:
        self._note(name, "an SQLite file under var/", meaning)
        url = self._given(name) or default
        config: dict[str, object] = {}
        if url.partition("://")[0] in DATABASE_KINDS:
            with suppress(ValueError):  # its message would hold the password
                config = dict(environ.Env.db_url_config(url))
        if not config.get("NAME"):
            raise ImproperlyConfigured(
                f"{name} is no database URL: give kind://user:password@host/name, where kind is "
                "postgresql, mysql or sqlite, and write / : @ # ? % in a password as "
                "%2F %3A %40 %23 %3F %25"
            )
        return config

    def _given(self, name: str) -> str:
        """The text in the environment or in NAME_FILE; empty where there is none."""
        try:
            return str(self._env.str(name, default="")).strip()
        except OSError as error:
            raise ImproperlyConfigured(
                f"{name}_FILE: cannot read {error.filename}: {error.strerror}"
            ) from error

    def _note(self, name: str, default: str, meaning: str) -> None:
        self.variables.append(Variable(name, default, meaning))
