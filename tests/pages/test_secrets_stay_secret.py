"""After a full run, marked secrets are nowhere but where they belong."""

import logging
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client, override_settings
from django.urls import reverse

from ispcore.base.models import AuditEntry
from routers.models import Router
from tests.access import surfaces
from tests.access.conftest import world
from tests.pages.test_second_factor import enrolled
from tests.pages.test_sessions import logged_in

if TYPE_CHECKING:
    from tests.access.world import World

__all__ = ["world"]  # a fixture, found by its name
pytestmark = pytest.mark.django_db
MARK = "marked-s3cret"
SECRETS = {
    name: f"{MARK}-{name}"
    for name in ("snmp_community", "api_password", "snmp_auth_key", "snmp_priv_key")
}


class Everything(logging.Handler):
    """What any log would say, down to debugging, with the traces of faults."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []
        self.setFormatter(logging.Formatter("%(name)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture
def log() -> Any:
    handler, root = Everything(), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield handler
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture
def marked(world: "World") -> "World":
    for router in Router.objects.all():
        for name, value in SECRETS.items():
            setattr(router, name, value)
        router.save()
    return world


def walk(client: Client, world: "World") -> list[str]:
    """All that the portal answers, to GET, to an empty form and to a wrong one."""
    said = []
    wrong = dict.fromkeys(("password", "code", "old_password", "snmp_community", "reason"), MARK)
    for pattern, _ in surfaces.patterns():
        if "logout" in pattern:
            continue
        for method, sent in (("get", {}), ("post", {}), ("post", wrong)):
            with transaction.atomic():
                answer = getattr(client, method)(world.address(pattern), sent)
                transaction.set_rollback(True)
            body = b"".join(answer) if answer.streaming else answer.content
            sent_back = sent and method == "post"
            # a form may show again what was typed into it just now, a password field never does
            if not sent_back or b'type="password"' in body:
                said.append(f"{pattern} {answer.headers} {body.decode()}")
    return said


def dump() -> str:
    out = StringIO()
    call_command("dumpdata", stdout=out)
    return out.getvalue()


def rows() -> str:
    """Every row of every table, as the database has it."""
    said = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608 - ours
            said.append(f"{table} {cursor.fetchall()}")
    return "\n".join(said)


def test_no_page_log_audit_error_or_dump_tells_one(
    marked: "World",
    log: Everything,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    client = logged_in("super")
    client.raise_request_exception = False
    said = walk(client, marked)
    url = reverse("admin:routers_router_change", args=[marked.keys["routers/router"]])
    changed = {"snmp_community": f"{MARK}-new", "api_password": f"{MARK}-new"}
    said.append(client.post(url, {"name": "x", "address": "10.0.0.77", **changed}).content.decode())

    def fails(*args: Any, **kwargs: Any) -> Any:
        router = Router.objects.get(pk=marked.keys["routers/router"])
        community = router.snmp_community  # stands in the frame of the fault
        raise RuntimeError(f"this failed for {len(community)} letters")

    monkeypatch.setattr("dashboards.overview.context", fails)
    with override_settings(DEBUG=False):
        fault = client.get("/admin/")
    assert fault.status_code == 500
    said.append(fault.content.decode())
    Client().post("/account/login/", {"login": "super", "password": f"{MARK}-typed"})
    totp, recovery = enrolled(client, django_capture_on_commit_callbacks)
    audit = str(list(AuditEntry.objects.values()))
    dumped, stored = dump(), rows()
    for place, text in {
        "log": "\n".join(log.lines),
        "audit": audit,
        "dump": dumped,
        "database": stored,
        "pages": "\n".join(said),
    }.items():
        assert MARK not in text, f"{place}: {text[max(0, text.find(MARK) - 300) :][:400]}"
        for secret in (settings.SECRET_KEY, *settings.FIELD_ENCRYPTION_KEYS, totp, *recovery):
            assert secret not in text, place
    assert "snmp_community" in dumped


def test_a_dump_loads_with_its_secrets(marked: "World", tmp_path: Any) -> None:
    out = StringIO()
    call_command("dumpdata", "routers.router", stdout=out)
    file = tmp_path / "routers.json"
    file.write_text(out.getvalue())
    Router.objects.update(snmp_community="other")
    call_command("loaddata", str(file), verbosity=0)
    assert {router.snmp_community for router in Router.objects.all()} == {SECRETS["snmp_community"]}
