"""Settings as a process reads them: secrets from files, clear refusals, safe in production."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

KEY = Fernet.generate_key().decode()
SECRETS = {"SECRET_KEY": "only-for-tests-" + "0123456789abcdef" * 4, "FIELD_ENCRYPTION_KEYS": KEY}
PRODUCTION = {
    "PUBLIC_URL": "https://portal.example.net",
    "ALLOWED_HOSTS": "portal.example.net",
    "DATABASE_URL": "postgresql://ispcore:p@127.0.0.1:1/ispcore",
    "RADIUS_DATABASE_URL": "mysql://ispcore:p@127.0.0.1:1/radius",
    "ISPCORE_PROCESS": "web",
}
SHOW = (
    "import django; django.setup(); from django.conf import settings as s; "
    "print({name: getattr(s, name) for name in %r})"
)


def python(code: str, tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run code in a process with only this environment; var/ is tmp_path."""
    plain = {"PATH": os.environ["PATH"], "ISPCORE_VAR": str(tmp_path)}
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**plain, "DJANGO_SETTINGS_MODULE": "ispcore.settings", **environment},
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=False,
    )


def shown(names: list[str], tmp_path: Path, **environment: str) -> str:
    done = python(SHOW % names, tmp_path, **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("missing", ["SECRET_KEY", "FIELD_ENCRYPTION_KEYS"])
def test_a_missing_secret_is_named_with_the_ways_out(tmp_path: Path, missing: str) -> None:
    given = {name: value for name, value in SECRETS.items() if name != missing}
    done = python("import django; django.setup()", tmp_path, **given)
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert f"{missing} is not set: give it in the environment (or {missing}_FILE)" in last


def test_secrets_may_stand_in_files(tmp_path: Path) -> None:
    files = {}
    for name, value in SECRETS.items():
        (tmp_path / name).write_text(f"{value}\n")
        files[f"{name}_FILE"] = str(tmp_path / name)
    said = shown(["SECRET_KEY", "FIELD_ENCRYPTION_KEYS"], tmp_path, **files)
    assert repr(SECRETS["SECRET_KEY"]) in said
    assert repr([KEY]) in said


def test_the_database_url_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql://portal:s3cret@db.example.net/isp\n")
    said = shown(["DATABASES"], tmp_path, **SECRETS, DATABASE_URL_FILE=str(tmp_path / "url"))
    assert "'HOST': 'db.example.net'" in said
    assert "'PASSWORD': 's3cret'" in said


def test_secrets_generated_at_the_first_start_are_read_from_var(tmp_path: Path) -> None:
    code = "from ispcore.firstrun import ensure_secrets; ensure_secrets()"
    assert python(code, tmp_path).returncode == 0
    file = tmp_path / "secrets.env"
    assert file.stat().st_mode & 0o777 == 0o600
    before = file.read_text()
    assert python(code, tmp_path).returncode == 0
    assert file.read_text() == before
    assert shown(["SECRET_KEY"], tmp_path)


def test_old_keys_are_kept_beside_the_new(tmp_path: Path) -> None:
    given = SECRETS | {"FIELD_ENCRYPTION_KEYS": f"{KEY}, {KEY}"}
    said = shown(["FIELD_ENCRYPTION_KEYS"], tmp_path, **given)
    assert said.count(KEY) == 2


def test_the_embedded_default_is_two_files(tmp_path: Path) -> None:
    said = shown(["DATABASES"], tmp_path, **SECRETS)
    assert str(tmp_path / "ispcore.sqlite3") in said
    assert str(tmp_path / "radius.sqlite3") in said
    assert said.count("'transaction_mode': 'IMMEDIATE'") == 2
    assert said.count("synchronous=FULL") == 2


def test_production_passes_the_deployment_check_without_a_warning(tmp_path: Path) -> None:
    code = (
        "from django.core.management import execute_from_command_line as run; "
        "run(['manage.py', 'check', '--deploy', '--fail-level', 'WARNING'])"
    )
    done = python(code, tmp_path, **SECRETS, **PRODUCTION)
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


def test_https_makes_cookies_safe_and_http_does_not_lock_out(tmp_path: Path) -> None:
    names = ["SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_SSL_REDIRECT", "DEBUG"]
    assert shown(names, tmp_path, **SECRETS, **PRODUCTION).count("True") == 3
    assert "True" not in shown(names, tmp_path, **SECRETS)


def test_the_radius_side_is_forced_to_utc_and_read_committed(tmp_path: Path) -> None:
    said = shown(["DATABASES"], tmp_path, **SECRETS, **PRODUCTION)
    assert "SET time_zone='+00:00'" in said
    assert "'isolation_level': 'read committed'" in said


@pytest.mark.parametrize(("process", "pooled"), [("web", True), ("worker", False)])
def test_only_the_web_has_a_pool(tmp_path: Path, process: str, *, pooled: bool) -> None:
    given = {**SECRETS, **PRODUCTION, "ISPCORE_PROCESS": process}
    assert ("'pool'" in shown(["DATABASES"], tmp_path, **given)) is pooled
