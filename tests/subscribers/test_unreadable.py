"""A password that no key opens: nobody else waits for it, it lets nobody in, and staff hear of it."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection
from django.test import Client
from django.urls import reverse

from ispcore.base import unit_of_work
from ispcore.base.secrets import SecretUnreadable
from monitoring.models import Alert
from radius.models import Check, GroupReply
from subscribers import tasks
from subscribers.models import Package, Subscriber
from subscribers.operations import (
    bulk,
    packages,
    passwords,
    periods,
    reconciling,
    statuses,
    subscribers,
)
from subscribers.operations.reconciling import Extent, PartlyApplied
from tests.subscribers.conftest import BY, NOON, Clock, checks, group_rows, made

pytestmark = pytest.mark.usefixtures("noon")
DENIED = {"ISPCore-Reason": "password unreadable", "Auth-Type": "Reject"}


def column(pk: int) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT radius_password FROM network_users WHERE id = %s", [pk])
        return str(cursor.fetchone()[0])


def seal(*keys: str) -> None:
    """As after a key was lost: what is stored is no secret of ours."""
    with connection.cursor() as cursor:
        for key in keys:
            cursor.execute(
                "UPDATE network_users SET radius_password = %s WHERE username_key = %s",
                [f"gAAAAA-of-a-lost-key-{key}", key],
            )


@pytest.fixture
def isp(home: Package) -> list[Subscriber]:
    """Twelve subscribers, of whom the password of the first cannot be read."""
    found = [made(home, f"u{number}", expires_at=NOON + timedelta(days=1)) for number in range(12)]
    seal("u0")
    return found


def denial(username: str) -> dict[str, str]:
    return {name: value for name, value in checks(username).items() if name in DENIED}


def test_it_holds_up_nobody_in_the_jobs_and_is_refused(
    isp: list[Subscriber], noon: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    noon(NOON + timedelta(days=2))
    assert tasks.turn_periods() == "12 expired, 0 periods begun"
    assert denial("u0") == DENIED
    assert "Cleartext-Password" not in checks("u0")
    assert denial("u1") == {"ISPCore-Reason": "expired", "Auth-Type": "Reject"}
    assert "u0: no login: no key in FIELD_ENCRYPTION_KEYS opens the RADIUS password" in caplog.text
    assert "u1: no login" not in caplog.text


def test_a_package_edit_brings_the_others_along(isp: list[Subscriber], home: Package) -> None:
    packages.edit(home, changes={"device_limit": 3}, by=BY)
    assert denial("u0") == DENIED
    assert checks("u1")["Simultaneous-Use"] == "3"
    assert checks("u1")["Cleartext-Password"] == "let-me-in"


def test_reconciling_says_whose_it_is_and_refuses_that_one_alone(
    isp: list[Subscriber],
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    plan = reconciling.plan(Extent())
    assert (plan.unreadable, plan.usernames) == (["u0"], {"u0": "differs"})
    assert "no login" not in caplog.text  # a comparison ends nobody's
    call_command("reconcile_radius", apply=True)
    assert "u0: no login: no key in FIELD_ENCRYPTION_KEYS" in capsys.readouterr().err
    assert caplog.text.count("u0: no login") == 1
    assert denial("u0") == DENIED
    assert denial("u1") == {}


def test_it_can_be_changed_and_is_stored_as_it_was(isp: list[Subscriber]) -> None:
    """The old key may come back."""
    before = column(isp[0].pk)
    row = Subscriber.objects.get(pk=isp[0].pk)
    row = subscribers.edit(row, changes={"full_name": "Abdur Rahim"}, by=BY)
    row = periods.renew(row, by=BY)
    assert bulk.suspend(["u0", "u1"], by=BY).changed == 2
    assert column(row.pk) == before
    assert denial("u0") == DENIED


def test_another_password_lets_in_again(isp: list[Subscriber]) -> None:
    row = Subscriber.objects.get(pk=isp[0].pk)
    statuses.resume(statuses.suspend(row, by=BY), by=BY)
    row = Subscriber.objects.get(pk=isp[0].pk)
    passwords.change_password(row, password="another-one", by=BY)
    assert denial("u0") == {}
    assert checks("u0")["Cleartext-Password"] == "another-one"


def test_where_it_is_the_key_that_is_missing_nobody_loses_the_login(
    isp: list[Subscriber], home: Package, browser: Client
) -> None:
    seal(*(row.username_key for row in isp))
    with pytest.raises(
        SecretUnreadable, match=r"of 12 of 12 subscribers .u0, u1, .* put back the key"
    ):
        packages.edit(home, changes={"device_limit": 3}, by=BY)
    assert checks("u1")["Cleartext-Password"] == "let-me-in"
    assert Package.objects.get(pk=home.pk).device_limit == 1
    assert unit_of_work.in_doubt() == 0
    with pytest.raises(CommandError, match="Nothing was changed"):
        call_command("reconcile_radius")
    page = browser.get(reverse("admin:subscribers_subscriber_reconcile"), {"compare": "yes"})
    assert "put back the key that is missing" in page.content.decode()


def test_what_was_put_right_before_the_key_was_missed_is_told(
    isp: list[Subscriber], home: Package
) -> None:
    GroupReply.objects.all().delete()
    Check.objects.all().delete()
    plan = reconciling.plan(Extent())
    seal(*(row.username_key for row in isp))
    with pytest.raises(PartlyApplied, match=r"^1 of 13 are put right, and stay so\. .*put back"):
        reconciling.apply(plan, by=BY, force=True)
    assert group_rows(home)
    assert not Check.objects.exists()


def test_staff_have_one_alert_while_there_are_such(isp: list[Subscriber]) -> None:
    assert tasks.look_for_unreadable() == "1 passwords cannot be read"
    seal("u1")
    tasks.look_for_unreadable()
    alert = Alert.objects.get()
    assert (alert.subject_id, alert.value, alert.tenant_id) == (isp[0].pk, 2, None)
    assert alert.summary.startswith("u0, u1: no key in FIELD_ENCRYPTION_KEYS opens the RADIUS")
    for row in isp[:2]:
        stored = Subscriber.objects.get(pk=row.pk)
        passwords.change_password(stored, password="another-one", by=BY)
    tasks.look_for_unreadable()
    assert Alert.objects.get().state == "resolved"


def test_rotation_of_keys_names_it_and_changes_nothing(isp: list[Subscriber]) -> None:
    before = [column(row.pk) for row in isp]
    with pytest.raises(CommandError, match=r"network_users: radius_password: .* those of u0$"):
        call_command("rotate_keys")
    assert [column(row.pk) for row in isp] == before


def test_its_page_says_what_to_do(isp: list[Subscriber], browser: Client) -> None:
    answer = browser.get(reverse("admin:subscribers_subscriber_page", args=[isp[0].pk]))
    said = answer.content.decode()
    assert "The portal cannot read its RADIUS password" in said
    assert "or change the password" in said


def test_expired_without_an_end_is_no_truth(rahim: Subscriber) -> None:
    given: dict[str, Any] = {"status": "expired", "expires_at": None}
    with pytest.raises(IntegrityError, match="subscribers_expired_has_an_end"):
        Subscriber.objects.filter(pk=rahim.pk).update(**given)
