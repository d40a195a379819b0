"""A forgotten password: a link by mail, which tells nobody who has an account."""

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from django.core import mail
from django.test import Client, override_settings
from django_q.models import OrmQ

from ispcore.accounts.tasks import send_reset_links
from ispcore.base.models import AuditEntry
from tests.pages.test_sessions import is_in, logged_in

if TYPE_CHECKING:
    from ispcore.accounts.models import Account

pytestmark = [pytest.mark.django_db]
ASK = "/account/password/reset/"
STRONG = "quiet-harbour-91"
NEW = {"password1": STRONG, "password2": STRONG}


@pytest.fixture(autouse=True)
def _mail_is_on() -> object:
    with override_settings(EMAIL_IS_ON=True):
        yield


@pytest.fixture
def owner(noc: "Account") -> "Account":
    noc.email = "noc@example.net"
    noc.save()
    return noc


def link() -> str:
    """The path in the last mail."""
    found = re.search(r"http://testserver(/\S+)", str(mail.outbox[-1].body))
    assert found
    return found[1]


def send(email: str = "noc@example.net") -> None:
    send_reset_links(email, "http://testserver", "203.0.113.9")


def set_by(path: str) -> Client:
    client = Client()
    form = client.get(path, follow=True)
    client.post(form.context["action_url"], NEW)
    return client


def test_the_answer_is_the_same_for_known_and_unknown_addresses(owner: "Account") -> None:
    answers = []
    for email in ("noc@example.net", "nobody@example.net"):
        before = OrmQ.objects.count()
        answer = Client().post(ASK, {"email": email}, follow=True)
        answers.append((answer.redirect_chain, answer.content, OrmQ.objects.count() - before))
        assert mail.outbox == []  # nothing is looked up or sent before the answer
    assert answers[0] == answers[1]
    assert answers[0][2] == 1


def test_the_link_sets_a_password_and_ends_open_sessions(owner: "Account") -> None:
    open_one = logged_in("noc")
    send()
    set_by(link())
    assert not is_in(open_one)
    form = {"login": "noc", "password": STRONG}
    assert Client().post("/account/login/", form).status_code == 302
    actions = list(AuditEntry.objects.filter(object_id=owner.pk).values_list("action", "address"))
    assert ("ask for password reset", "203.0.113.9") in actions
    assert "change password" in [action for action, _ in actions]


def test_the_link_works_once(owner: "Account") -> None:
    send()
    set_by(link())
    again = Client().get(link(), follow=True)
    assert "This link does not work" in again.content.decode()


def test_a_login_voids_the_link(owner: "Account") -> None:
    send()
    logged_in("noc")
    assert "This link does not work" in Client().get(link(), follow=True).content.decode()


def test_an_old_link_does_not_work(owner: "Account", monkeypatch: pytest.MonkeyPatch) -> None:
    from django.contrib.auth.tokens import PasswordResetTokenGenerator

    send()
    later = datetime.now() + timedelta(seconds=3601)  # noqa: DTZ005 - as Django counts
    monkeypatch.setattr(PasswordResetTokenGenerator, "_now", lambda self: later)
    assert "This link does not work" in Client().get(link(), follow=True).content.decode()


@pytest.mark.parametrize("email", ["nobody@example.net", "\uff2e\uff2f\uff23@example.net", ""])
def test_nobody_else_gets_a_mail(owner: "Account", email: str) -> None:
    send(email)
    assert mail.outbox == []


def test_an_ended_account_gets_none(owner: "Account") -> None:
    owner.is_active = False
    owner.save()
    send()
    assert mail.outbox == []


def test_the_form_is_not_sent_without_end(db: None) -> None:
    client = Client()
    statuses = [client.post(ASK, {"email": "noc@example.net"}).status_code for _ in range(7)]
    assert statuses == [302] * 5 + [429] * 2


def test_a_portal_without_mail_says_so(owner: "Account") -> None:
    with override_settings(EMAIL_IS_ON=False):
        answer = Client().post(ASK, {"email": "noc@example.net"})
    assert "This portal sends no mail" in answer.content.decode()
    assert OrmQ.objects.count() == 0


def test_the_mail_leads_to_the_portals_own_address_whatever_host_was_asked(
    owner: "Account",
) -> None:
    with override_settings(PUBLIC_URL="https://portal.example.net", ALLOWED_HOSTS=["*"]):
        Client().post(ASK, {"email": "noc@example.net"}, HTTP_HOST="evil.example")
    job = OrmQ.objects.get().task
    assert job["args"][1] == "https://portal.example.net"


def test_a_machine_has_no_password_to_forget(owner: "Account") -> None:
    owner.is_machine = True
    owner.set_password(None)
    owner.save()
    send()
    assert not mail.outbox
