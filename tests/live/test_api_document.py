"""docs/api.md does what it says: its examples run against the real server, in their order."""

import asyncio
import os
import re
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import override_settings
from websockets.asyncio.client import connect

from ispcore.accounts.models import ApiLogin
from ispcore.accounts.operations import accounts, api_tokens
from ispcore.accounts.token_scopes import choices
from ispcore.base import clock
from ispcore.base.audit import Actor
from tests.live.conftest import closing
from tests.live.test_server import port

__all__ = ["port"]
ADMIN = Actor("admin")
ARGON2 = ["django.contrib.auth.hashers.Argon2PasswordHasher"]


@pytest.fixture
def document(project: Path) -> str:
    return (project / "docs/api.md").read_text()


async def test_the_examples_work(port: int, document: str, tmp_path: Path) -> None:
    values = await asyncio.to_thread(closing, lambda: _values(port))
    script = "\n".join(re.findall(r"```sh\n(.*?)```", document, re.DOTALL))
    assert script.count("curl ") == 7
    ran = await asyncio.to_thread(_run, f"set -euo pipefail\n{script}", values, tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert '"ended":1' in ran.stdout
    still = ApiLogin.objects.filter(revoked_at=None)
    assert not await asyncio.to_thread(closing, still.exists)
    async with connect(ran.stdout[ran.stdout.index("ws://") :].strip()) as socket:
        await socket.send('{"subscribe": [["alerts", ""]]}')
        assert "spots" in str(await socket.recv())


def test_every_scope_is_named(document: str) -> None:
    assert set(re.findall(r"`(\w+:(?:read|write))`", document)) == {scope for scope, _ in choices()}


def _values(port: int) -> dict[str, str]:
    with override_settings(PASSWORD_HASHERS=ARGON2):  # as the real server hashes them
        accounts.create("rahim", role="viewer", password="correct horse battery", by=ADMIN)
    machine = accounts.create("billing", role="viewer", password=None, by=ADMIN)
    _, token = api_tokens.create(
        machine,
        name="sync",
        scopes=["alerts:read"],
        expires_at=clock.now() + timedelta(days=1),
        by=ADMIN,
    )
    portal = f"http://127.0.0.1:{port}"
    return {"PORTAL": portal, "TOKEN": token, "NAME": "rahim", "PASSWORD": "correct horse battery"}


def _run(script: str, values: dict[str, str], place: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["bash", "-c", script],
        env=os.environ | values,
        cwd=place,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
