"""Secrets at rest: encrypted in the column, rotated, and never in a log."""

import logging
from io import StringIO
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import override_settings

from ispcore.base import audit, secrets
from ispcore.base.audit import Actor
from ispcore.base.models import AuditEntry
from ispcore.base.secrets import SecretUnreadable
from routers.models import Router
from routers.operations import routers
from routers.targets import api_target, snmp_target

PASSWORD, COMMUNITY = "s3cret-api-password", "s3cret-community"
BY = Actor("noc")
OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


def a_router(name: str = "utt-edge-01", address: str = "10.88.4.1") -> Router:
    return routers.save(
        Router(
            name=name,
            address=address,
            api_user="ispcore",
            api_password=PASSWORD,
            snmp_community=COMMUNITY,
        ),
        by=BY,
    )


def column(name: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {name} FROM router_configs")  # noqa: S608 - names of ours
        return str(cursor.fetchone()[0])


def test_a_stored_secret_is_clear_in_python_and_encrypted_in_the_column(db: None) -> None:
    a_router()
    assert Router.objects.get().api_password == PASSWORD
    for name in ("api_password", "snmp_community"):
        stored = column(name)
        assert stored.startswith("gAAAA")
        assert PASSWORD not in stored
        assert COMMUNITY not in stored


def test_the_same_secret_is_never_encrypted_to_the_same_text() -> None:
    assert secrets.encrypt(PASSWORD) != secrets.encrypt(PASSWORD)


def test_an_empty_secret_stays_empty(db: None) -> None:
    a_router()
    assert column("snmp_auth_key") == ""
    assert Router.objects.get().snmp_auth_key == ""


def test_no_secret_is_in_the_audit_log_a_message_or_a_repr(
    db: None, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        router = a_router()
        router.api_password = "another-s3cret"
        routers.save(router, by=BY)
        shown = f"{router!r} {api_target(router)!r} {snmp_target(router)!r} {caplog.text}"
    shown += "".join(f"{e.old}{e.new}{e!r}{e}" for e in AuditEntry.objects.all())
    for secret in (PASSWORD, COMMUNITY, "another-s3cret"):
        assert secret not in shown


def test_that_a_secret_was_changed_is_in_the_audit_log(db: None) -> None:
    router = a_router()
    router.api_password = "another-s3cret"
    routers.save(router, by=BY)
    entry = AuditEntry.objects.get(action="change")
    assert entry.old == {"api_password": audit.SECRET}
    assert entry.new == {"api_password": audit.CHANGED}


def test_a_secret_cannot_be_searched(db: None) -> None:
    a_router()
    wanted: dict[str, Any] = {"api_password__contains": "s3cret"}
    with pytest.raises(TypeError, match="cannot be searched"):
        Router.objects.filter(**wanted).exists()


@pytest.fixture
def _stored_with_the_old_key(db: None) -> None:
    with override_settings(FIELD_ENCRYPTION_KEYS=[OLD]):
        a_router()
        a_router("mir-edge-01", "10.88.5.1")


@pytest.mark.usefixtures("_stored_with_the_old_key")
def test_rotation_encrypts_with_the_newest_key() -> None:
    with override_settings(FIELD_ENCRYPTION_KEYS=[NEW, OLD]):
        out = StringIO()
        call_command("rotate_keys", stdout=out)
    assert "router_configs: api_password" in out.getvalue()
    assert "2 rows" in out.getvalue()
    with override_settings(FIELD_ENCRYPTION_KEYS=[NEW]):
        assert {r.api_password for r in Router.objects.all()} == {PASSWORD}


@pytest.mark.usefixtures("_stored_with_the_old_key")
def test_a_lost_key_is_told_by_table_and_column() -> None:
    with (
        override_settings(FIELD_ENCRYPTION_KEYS=[NEW]),
        pytest.raises(SecretUnreadable, match=r"router_configs\.api_password: no key in FIELD"),
    ):
        Router.objects.get(name="utt-edge-01")


@pytest.mark.usefixtures("_stored_with_the_old_key")
def test_rotation_that_cannot_read_a_secret_fails_and_changes_nothing() -> None:
    before = column("api_password")
    with (
        override_settings(FIELD_ENCRYPTION_KEYS=[NEW]),
        pytest.raises(CommandError, match="router_configs"),
    ):
        call_command("rotate_keys", stdout=StringIO())
    assert column("api_password") == before


def test_a_comma_too_many_between_keys_does_no_harm() -> None:
    with override_settings(FIELD_ENCRYPTION_KEYS=[NEW, ""]):
        assert secrets.decrypt(secrets.encrypt(PASSWORD)) == PASSWORD


def test_a_key_that_is_none_is_refused_by_name() -> None:
    with (
        override_settings(FIELD_ENCRYPTION_KEYS=["too-short"]),
        pytest.raises(ImproperlyConfigured, match="FIELD_ENCRYPTION_KEYS"),
    ):
        secrets.encrypt("x")


TEXTS = ["", "x", "sixteen-octets--", PASSWORD, "পাসওয়ার্ড", "x" * 300]


def test_many_at_once_are_what_each_is_by_itself() -> None:
    with override_settings(FIELD_ENCRYPTION_KEYS=[OLD]):
        tokens = [secrets.encrypt(text) for text in TEXTS]
    with override_settings(FIELD_ENCRYPTION_KEYS=["", NEW, OLD]):
        tokens += [secrets.encrypt(text) for text in TEXTS]
        assert secrets.decrypt_all(tokens) == TEXTS * 2
        assert secrets.decrypt_all(tokens[: len(TEXTS)]) == TEXTS
        assert secrets.decrypt_all([]) == []


@pytest.mark.parametrize("at", [0, 5, 20, 40, 99, -3])
def test_one_of_many_that_was_tampered_with_is_unreadable(at: int) -> None:
    with override_settings(FIELD_ENCRYPTION_KEYS=[NEW]):
        token = bytearray(secrets.encrypt(PASSWORD).encode())
        token[at] = ord("A") if token[at] != ord("A") else ord("B")
        nonsense = [
            "gAAAA",
            "no token at all",
            "nö",
            secrets.encrypt(PASSWORD)[:-4],
            token.decode(),
        ]
        assert secrets.decrypt_all([*nonsense, secrets.encrypt("fine")]) == [*[None] * 5, "fine"]
