"""Reads settings from the environment and remembers what was asked, for the README's table."""

import os
from dataclasses import dataclass
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

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
    """Typed reads; a value may also stand in NAME_FILE, or in var/secrets.env and var/demo.env."""

    def __init__(self, var: Path) -> None:
        self.variables: list[Variable] = []
        for name in ("secrets.env", "demo.env"):
            if (var / name).is_file():
                environ.Env.read_env(str(var / name))
        self._env = environ.FileAwareEnv()

    def text(self, name: str, default: str, meaning: str, *, shown: str | None = None) -> str:
        self._note(name, default if shown is None else shown, meaning)
        return str(self._env.str(name, default=default)).strip()

    def integer(self, name: str, default: int, meaning: str) -> int:
        self._note(name, str(default), meaning)
        return int(self._env.int(name, default=default))

    def flag(self, name: str, meaning: str, *, default: bool = False) -> bool:
        self._note(name, "1" if default else "0", meaning)
        return bool(self._env.bool(name, default=default))

    def items(self, name: str, default: list[str], meaning: str) -> list[str]:
        self._note(name, ",".join(default), meaning)
        return [item.strip() for item in self._env.list(name, default=default) if item.strip()]

    def secret(self, name: str, meaning: str) -> str:
        """A value that has no default. Raises ImproperlyConfigured when nobody gave it."""
        self._note(name, "generated into var/secrets.env", meaning)
        value = str(self._env.str(name, default="")).strip()
        if not value:
            raise ImproperlyConfigured(
                f"{name} is not set: give it in the environment (or {name}_FILE), "
                "or let script/server generate it into var/secrets.env"
            )
        return value

    def database(self, name: str, default: str, meaning: str) -> dict[str, object]:
        self._note(name, "an SQLite file under var/", meaning)
        return dict(self._env.db_url(name, default=default))

    def _note(self, name: str, default: str, meaning: str) -> None:
        self.variables.append(Variable(name, default, meaning))
