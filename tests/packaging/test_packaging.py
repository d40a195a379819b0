"""What cannot be built or booted here is held against the checkout: each thing it names exists."""

import configparser
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography.fernet import Fernet
from django.conf import settings
from django.core.management import call_command, get_commands
from django.test import Client

from tests.packaging import documents
from tests.packaging.documents import PROJECT

CLUSTERS = {"collect", "provision", "default"}


def test_every_management_command_that_is_named_exists() -> None:
    known = get_commands()
    unknown = [
        f"{file}: manage.py {name}"
        for file, name in documents.management_commands()
        if name not in known
    ]
    assert not unknown


def test_every_path_that_is_named_exists() -> None:
    named = [*documents.named_paths(), *documents.linked_paths()]
    assert len(named) > 20
    assert not [f"{file}: {path}" for file, path in named if not (PROJECT / path).exists()]


def test_every_program_that_a_unit_starts_exists() -> None:
    started = list(documents.unit_commands())
    assert {"ispcore-web.service", "ispcore-collector.service", "ispcore-watch.service"} <= {
        unit for unit, _ in started
    }
    for unit, (program, *arguments) in started:
        path = Path(program.removeprefix(documents.INSTALLED))
        if path.parts[0] == ".venv":  # made by script/bootstrap
            assert_python_runs(unit, arguments)
        else:
            assert os.access(PROJECT / path, os.X_OK), f"{unit}: {path}"


def test_every_command_of_the_containers_exists() -> None:
    commands = documents.compose_commands()
    assert commands.keys() == {"migrate", "collector", "watch", *CLUSTERS}
    for service, (program, *arguments) in commands.items():
        if program == "sh":
            continue  # its lines are manage.py commands, checked above
        assert program == "python"
        assert_python_runs(service, arguments)
    command = next(
        line for line in documents.dockerfile_lines() if line.startswith('CMD ["python", "-m"')
    )
    assert_python_runs("Dockerfile", re.findall(r'"([^"]+)"', command)[1:])


def assert_python_runs(where: str, arguments: list[str]) -> None:
    """`python ARGUMENTS` would find its module, or its manage.py command and cluster."""
    if arguments[0] == "-m":
        assert importlib.util.find_spec(arguments[1]), f"{where}: {arguments[1]}"
        for word in arguments:
            if re.fullmatch(r"[\w.]+:\w+", word):
                module, name = word.split(":")
                assert hasattr(importlib.import_module(module), name), f"{where}: {word}"
        return
    assert (PROJECT / arguments[0]).exists(), f"{where}: {arguments[0]}"


def test_every_job_cluster_is_told_its_name_by_the_environment() -> None:
    """qcluster's own -n comes too late: django-q has read its settings by then."""
    services = documents.compose()["services"].values()
    workers = [each for each in services if "qcluster" in each.get("command", [])]
    assert {each["environment"]["Q_CLUSTER_NAME"] for each in workers} == set(CLUSTERS)
    unit = (PROJECT / "deploy" / "systemd" / "ispcore-worker@.service").read_text()
    assert "Environment=Q_CLUSTER_NAME=%i" in unit


def test_the_image_holds_every_app_and_what_it_needs_at_run_time() -> None:
    copied = documents.copied()
    assert not [path for path in copied if not (PROJECT / path).exists()]
    ours = {
        name.partition(".")[0]
        for name in settings.INSTALLED_APPS
        if (PROJECT / name.partition(".")[0]).is_dir()
    }
    assert ours | {"manage.py", "templates", "static", "lab"} <= copied


def test_what_the_image_copies_is_sent_to_the_builder() -> None:
    sent = {
        line[1:]
        for line in (PROJECT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    assert {path.partition("/")[0] for path in documents.copied()} <= sent


def test_containers_run_as_nobody_special_and_with_no_password_of_ours() -> None:
    users = [line.split()[1] for line in documents.dockerfile_lines() if line.startswith("USER")]
    assert users == ["ispcore"]
    for name, service in documents.compose()["services"].items():
        for variable, value in service.get("environment", {}).items():
            if re.search("PASSWORD|SECRET|KEYS|DATABASE_URL", variable):
                secret = str(value).startswith("/run/secrets/")
                assert secret or variable == "MARIADB_RANDOM_ROOT_PASSWORD", f"{name}: {variable}"


def test_every_secret_that_a_container_reads_is_mounted_and_made(tmp_path: Path) -> None:
    loaded = documents.compose()
    for name, service in loaded["services"].items():
        read = {
            Path(str(value)).name
            for value in service.get("environment", {}).values()
            if str(value).startswith("/run/secrets/")
        }
        assert read <= set(service.get("secrets", [])), name
    made = make_secrets(tmp_path / "secrets")
    assert made.keys() == loaded["secrets"].keys()


def make_secrets(directory: Path) -> dict[str, str]:
    script = PROJECT / "deploy" / "docker" / "make-secrets"
    subprocess.run([script, directory], check=True, capture_output=True)
    return {path.name: path.read_text() for path in directory.iterdir()}


def test_secrets_are_made_once_and_fit_their_use(tmp_path: Path) -> None:
    directory = tmp_path / "secrets"
    first = make_secrets(directory)
    assert make_secrets(directory) == first
    assert directory.stat().st_mode & 0o777 == 0o700
    Fernet(first["field_encryption_keys"])
    assert len(first["secret_key"]) >= 50
    hosts = documents.compose()["services"]
    for url, password in (
        ("database_url", "postgresql_portal_password"),
        ("radius_database_url", "mariadb_portal_password"),
    ):
        parts = urlsplit(first[url])
        assert parts.hostname in hosts
        assert parts.password == first[password]
    assert len(set(first.values())) == len(first)


def test_variables_that_are_set_for_the_portal_are_read_by_it() -> None:
    known = {variable.name for variable in settings.ENVIRONMENT} | {"ISPCORE_VAR"}
    example = (PROJECT / "deploy" / "environment.example").read_text()
    named = set(re.findall(r"^([A-Z_]+)=", example, re.MULTILINE))
    for service in documents.compose()["services"].values():
        if service.get("build") == ".":
            named |= {name.removesuffix("_FILE") for name in service["environment"]}
    for unit in documents.UNITS:
        for line in re.findall(r"^Environment=(.*)", unit.read_text(), re.MULTILINE):
            named |= set(re.findall(r"([A-Z_]+)=", line)) - {"PYTHONUNBUFFERED"}
    assert named <= known


def test_variables_that_are_set_for_freeradius_are_read_by_it() -> None:
    start = (PROJECT / "deploy" / "freeradius" / "start").read_text()
    known = set(re.findall(r"^export (RADIUS_[A-Z0-9_]+)=", start, re.MULTILINE))
    known |= {"RADIUS_DB_PASSWORD_FILE"}
    assert documents.compose()["services"]["freeradius"]["environment"].keys() <= known
    example = (PROJECT / "deploy" / "freeradius" / "environment.example").read_text()
    assert set(re.findall(r"^(?:# )?([A-Z_]+)=", example, re.MULTILINE)) <= known
    read = {
        name
        for file in (PROJECT / "deploy" / "freeradius").rglob("*.conf")
        for name in re.findall(r"\$ENV\{(\w+)\}", file.read_text())
    }
    assert read == known - {"RADIUS_LOG", "RADIUS_DB_PASSWORD_FILE"}


def test_the_image_of_freeradius_is_what_tests_run() -> None:
    """The packages that script/bootstrap installs, and the whole of the configuration."""
    dockerfile = (PROJECT / "deploy" / "freeradius" / "Dockerfile").read_text()
    bootstrap = (PROJECT / "script" / "bootstrap").read_text()
    for package in ("freeradius", "freeradius-mysql", "freeradius-utils"):
        assert re.search(rf"\s{package}\s", dockerfile)
        assert re.search(rf"\s{package}\s", bootstrap)
    assert "USER freerad" in dockerfile
    for path in re.findall(r"/opt/ispcore/([\w/]+)", dockerfile):
        assert (PROJECT / path).exists()


def test_units_parse_and_belong_to_the_target() -> None:
    for unit in documents.UNITS:
        parser = configparser.RawConfigParser(strict=False, delimiters=("=",))
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        parser.read_string(unit.read_text())
        assert parser.has_option("Unit", "Description"), unit.name
        if parser.has_option("Install", "WantedBy") and unit.suffix != ".target":
            assert parser.get("Unit", "PartOf") == "ispcore.target", unit.name


def test_scripts_are_executable_and_parse() -> None:
    scripts = [
        *(PROJECT / "script").iterdir(),
        PROJECT / ".ci" / "run",
        *(path for path in (PROJECT / "deploy" / "docker").iterdir() if path.suffix != ".py"),
        PROJECT / "deploy" / "systemd" / "guard",
        *(PROJECT / "deploy" / "freeradius" / name for name in ("start", "alive")),
    ]
    for script in scripts:
        assert os.access(script, os.X_OK), script.name
        shell = "bash" if "bash" in script.read_text().splitlines()[0] else "sh"
        subprocess.run([shell, "-n", script], check=True)


def test_readme_has_the_table_of_variables_that_settings_read() -> None:
    from io import StringIO

    table = StringIO()
    call_command("environment", "--markdown", stdout=table)
    readme = (PROJECT / "README.md").read_text()
    between = re.search(
        r"<!-- environment:start -->\n(.*)<!-- environment:end -->", readme, re.DOTALL
    )
    assert between is not None
    assert between[1].strip() == table.getvalue().strip()


@pytest.mark.parametrize(
    ("variables", "host"),
    [
        ({}, "localhost"),
        ({"PUBLIC_URL": "https://portal.example.net"}, "portal.example.net"),
        ({"ALLOWED_HOSTS": "a.example.net, b", "PUBLIC_URL": "https://p"}, "a.example.net"),
        ({"ALLOWED_HOSTS": ".example.net"}, "example.net"),
    ],
)
def test_health_check_asks_for_a_host_that_is_accepted(
    variables: dict[str, str], host: str
) -> None:
    check = "import runpy; print(runpy.run_path('deploy/docker/health.py')['host']())"
    done = subprocess.run(
        [sys.executable, "-c", check],
        cwd=PROJECT,
        env=variables,
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == host


def test_health_check_passes_on_a_portal_that_answers(
    live_server: "object", transactional_db: None
) -> None:
    assert health_of(live_server) == (0, "200")


def test_health_check_fails_where_nobody_listens(free_port: int) -> None:
    done = run_health(free_port)
    assert done.returncode == 1
    assert "refused" in done.stdout


def health_of(live_server: object) -> tuple[int, str]:
    port = urlsplit(str(live_server)).port
    assert port is not None
    done = run_health(port)
    return done.returncode, done.stdout.strip()


def run_health(port: int) -> "subprocess.CompletedProcess[str]":
    script = PROJECT / "deploy" / "docker" / "health.py"
    return subprocess.run(
        [sys.executable, script, str(port)],
        env={"ALLOWED_HOSTS": "localhost"},
        check=False,
        capture_output=True,
        text=True,
    )


def test_health_needs_no_login_and_no_https(client: Client, db: None) -> None:
    assert client.get("/health/").status_code == 200


def test_guard_restarts_the_units_of_what_stays_silent(tmp_path: Path) -> None:
    log = tmp_path / "log"
    for name, text in {
        "systemd-run": "echo 'jobs collect'; echo watch; echo web",
        "sleep": f"echo sleep $1 >> {log}",
        "systemctl": f'case "$*" in *is-active*watch*) exit 1;; *) echo "$@" >> {log};; esac',
    }.items():
        stub = tmp_path / name
        stub.write_text(f"#!/bin/sh\n{text}\n")
        stub.chmod(0o755)
    guard = PROJECT / "deploy" / "systemd" / "guard"
    path = f"{tmp_path}:{os.environ['PATH']}"
    done = subprocess.run([guard], check=True, capture_output=True, text=True, env={"PATH": path})
    restarted = [unit for verb, unit in _calls(log) if verb == "restart"]
    assert restarted == ["ispcore-worker@collect.service", "ispcore-web.service"]
    assert ("sleep", "30") in _calls(log)
    assert "ispcore-web.service: no life sign, restarting" in done.stdout
    for unit in restarted:
        name = re.sub(r"@\w+", "@", unit)
        assert (PROJECT / "deploy" / "systemd" / name).exists()


def _calls(log: Path) -> list[tuple[str, str]]:
    """What the stubs were called with: the first and the last word of each line."""
    return [
        (words[0], words[-1]) for line in log.read_text().splitlines() if (words := line.split())
    ]
