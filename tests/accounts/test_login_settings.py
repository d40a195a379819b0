"""What the environment says of proxies and mail, and what the checks say of lax login rules."""

from pathlib import Path

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from ispcore.accounts.models import RolePolicy
from ispcore.environment import Environment


@pytest.fixture
def env(tmp_path: Path) -> Environment:
    return Environment(tmp_path)


def test_proxies_are_networks_and_addresses(
    env: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRUSTED_PROXIES", "10.0.0.0/8, 2001:db8::1")
    found = env.networks("TRUSTED_PROXIES", "127.0.0.1,::1", "")
    assert [str(network) for network in found] == ["10.0.0.0/8", "2001:db8::1/128"]
    monkeypatch.delenv("TRUSTED_PROXIES")
    found = env.networks("TRUSTED_PROXIES", "127.0.0.1,::1", "")
    assert [str(network) for network in found] == ["127.0.0.1/32", "::1/128"]


@pytest.mark.parametrize("value", ["proxy.example.net", "10.0.0.1/8", "10.0.0.0/33"])
def test_what_is_no_network_is_named(
    env: Environment, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("TRUSTED_PROXIES", value)
    with pytest.raises(ImproperlyConfigured, match=f"TRUSTED_PROXIES: '{value}' is no network"):
        env.networks("TRUSTED_PROXIES", "127.0.0.1", "")


def test_mail_goes_where_the_address_says(
    env: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMAIL_URL", "smtp+tls://portal:p%40ss@mail.example.net:587")
    found = env.mail("EMAIL_URL", "")
    assert found["EMAIL_HOST"] == "mail.example.net"
    assert found["EMAIL_HOST_PASSWORD"] == "p@ss"
    assert found["EMAIL_USE_TLS"] is True
    monkeypatch.delenv("EMAIL_URL")
    assert env.mail("EMAIL_URL", "") == {}


@pytest.mark.parametrize("value", ["mail.example.net", "http://x", "smtp://u:s3cret@h:port"])
def test_a_mail_address_that_is_none_is_told_without_its_password(
    env: Environment, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("EMAIL_URL", value)
    with pytest.raises(ImproperlyConfigured, match="EMAIL_URL is no mail address") as told:
        env.mail("EMAIL_URL", "")
    assert "s3cret" not in str(told.value)


def warned() -> list[str]:
    found = run_checks(databases=["default"], include_deployment_checks=True)
    return [str(message.msg) for message in found if message.id == "accounts.W001"]


def test_a_portal_on_the_internet_is_told_that_passwords_alone_open_it(db: None) -> None:
    assert warned() == []  # this one is not
    with override_settings(SECURE_SSL_REDIRECT=True):
        assert warned() == ["a password alone opens the accounts of: Administrator, Super user"]
        RolePolicy.objects.filter(role="admin").update(needs_second_factor=True)
        assert warned() == ["a password alone opens the accounts of: Super user"]
        RolePolicy.objects.update(needs_second_factor=True)
        assert warned() == []
