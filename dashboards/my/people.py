"""My people: the accounts of one tenant, kept by whoever may, and everybody's own profile."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, reverse

from dashboards.my.sections import Section, done, tenant_of
from ispcore.accounts import security
from ispcore.accounts.authority import roles_of
from ispcore.accounts.freshness import ask_again
from ispcore.accounts.models import Account, Tenant
from ispcore.accounts.operations import accounts as operations
from ispcore.accounts.pages import account_of, posted, require, show_once
from ispcore.accounts.roles import May, Role
from ispcore.accounts.scope import visible
from ispcore.base.faults import words_of

OWNER_WORDS = {Role.CLIENT: "Owner", Role.OPERATOR: "Operator", Role.VIEWER: "Viewer"}
_MAY_WORDS = (
    (May.HANDLE_ALERTS, "takes alerts"),
    (May.EDIT_SUBSCRIBERS, "keeps subscribers"),
    (May.EDIT_ACCOUNTS, "manages people"),
)
OWN_ACCOUNT = "This is your own account: somebody else has to change its role or end it."


@dataclass(frozen=True, slots=True)
class PersonRow:
    """An account in the list."""

    account: Account
    role: str
    is_you: bool


def role_word(role: str) -> str:
    return OWNER_WORDS.get(Role(role), str(Role(role).label))


def role_choices(asks: Account, tenant: Tenant, present: str) -> list[tuple[str, str]]:
    """The roles that `asks` may give within its tenant, and the one that somebody has, each with
    what it may do there."""
    given = {*roles_of(asks), present}
    return [
        (str(role), f"{word}: {_may_words(role, tenant)}")
        for role, word in OWNER_WORDS.items()
        if role in given
    ]


def _may_words(role: Role, tenant: Tenant) -> str:
    someone = Account(role=role, tenant=tenant)
    return ", ".join(["sees all", *(words for may, words in _MAY_WORDS if someone.may(may))])


class PersonForm(forms.ModelForm):  # type: ignore[type-arg]
    """Somebody of this tenant. The tenant itself is never a field: it is that of who asks."""

    role = forms.ChoiceField(widget=forms.RadioSelect)

    class Meta:
        model = Account
        fields = ["name", "email", "role", "is_active"]
        labels = {"name": "Full name", "email": "Mail address", "is_active": "May log in"}
        help_texts = {"is_active": "off: cannot log in, and open sessions end"}

    def __init__(self, *args: Any, by: Account, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.by = by
        assert by.tenant is not None  # noqa: S101 - the site is for tenants' people only
        role: Any = self.fields["role"]
        present = self.instance.role if self.instance.pk else ""
        role.choices = role_choices(by, by.tenant, present)
        if self.instance.pk == by.pk:
            for name in ("role", "is_active"):
                self.fields[name].disabled = True
                self.fields[name].help_text = OWN_ACCOUNT


class NewPersonForm(PersonForm):
    """A new person; the password is generated and shown once, and changed by its owner."""

    class Meta(PersonForm.Meta):
        fields = ["username", "email", "role"]
        labels = {"username": "User name", "email": "Mail address"}
        help_texts = {"username": "what the person types to log in"}


class OwnForm(forms.ModelForm):  # type: ignore[type-arg]
    """What everybody may change of the own account."""

    class Meta:
        model = Account
        fields = ["name"]
        labels = {"name": "Full name"}


class PasswordForm(forms.Form):
    """Nothing to fill in: the password is generated."""


class People(Section):
    """The accounts of the own tenant, for who may edit them."""

    start, label, icon = "people", "People", "persons"

    def urls(self) -> Sequence[URLPattern]:
        return [
            self.route("people/", self.people, "people"),
            self.form("people/add/", self.add, "person_add"),
            self.form("people/<int:pk>/", self.person, "person"),
            self.form("people/<int:pk>/password/", self.password, "person_password"),
        ]

    def is_for(self, account: Account) -> bool:
        return account.may(May.EDIT_ACCOUNTS)

    def people(self, request: HttpRequest) -> HttpResponse:
        account = require(request, May.EDIT_ACCOUNTS)
        rows = [
            PersonRow(each, role_word(each.role), each.pk == account.pk)
            for each in visible(Account.objects.order_by("-is_active", "username"), account)
        ]
        return self.page(request, "my/people/page.html", {"people": rows}, title="People")

    def add(self, request: HttpRequest) -> HttpResponse:
        account, tenant = require(request, May.EDIT_ACCOUNTS), tenant_of(request)
        if (asked := ask_again(request)) is not None:
            return asked
        form = NewPersonForm(
            posted(request),
            instance=Account(tenant=tenant),
            by=account,
            initial={"role": Role.VIEWER},
        )
        if request.method == "POST" and form.is_valid():
            password = operations.generate_password()
            chosen = form.cleaned_data
            try:
                made = operations.create(
                    chosen["username"],
                    role=chosen["role"],
                    email=chosen["email"],
                    tenant=tenant,
                    password=password,
                    by=account.actor,
                )
            except ValidationError as error:
                form.add_error(None, words_of(error, Account))
            else:
                show_once(request, made, password)
                return done(request, f"{made} may log in now.", reverse("my:people"))
        return self.form_page(
            request,
            form,
            title="Add a person",
            button="Add",
            back_url=reverse("my:people"),
            lead="A password is made for the person and shown to you once.",
        )

    def person(self, request: HttpRequest, pk: int) -> HttpResponse:
        account, person = self._asked(request, pk)
        if (asked := ask_again(request)) is not None:
            return asked
        form = PersonForm(posted(request), instance=person, by=account)
        if request.method == "POST" and form.is_valid():
            try:
                operations.save(person, by=account.actor)
            except ValidationError as error:
                form.add_error(None, words_of(error, Account))
            else:
                return done(request, f"{person} is saved.", reverse("my:people"))
        shown = {"form": form, "person": person, "is_you": person.pk == account.pk}
        return self.page(request, "my/people/person.html", shown, title=person.username)

    def password(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A new password for somebody who lost theirs; their open sessions end."""
        account, person = self._asked(request, pk)
        if (asked := ask_again(request)) is not None:
            return asked
        url = reverse("my:person", args=[pk])
        if request.method == "POST":
            password = operations.generate_password()
            try:
                operations.set_password(person, password=password, by=account.actor)
            except ValidationError as error:
                messages.error(request, words_of(error, Account))
                return redirect(url)
            show_once(request, person, password)
            return done(request, f"{person} has a new password.", reverse("my:people"))
        return self.form_page(
            request,
            PasswordForm(),
            title=f"New password for {person}",
            button="Make a new password",
            back_url=url,
            lead="The old password stops working at once, and open sessions end. "
            "The new one is shown to you once.",
        )

    def _asked(self, request: HttpRequest, pk: int) -> tuple[Account, Account]:
        """Who asks, and about whom: one of the own tenant. Raises Http404 for anybody else."""
        account = require(request, May.EDIT_ACCOUNTS)
        person = visible(Account.objects.all(), account).filter(pk=pk).first()
        if person is None:
            security.denied_row(request, Account, pk)
            raise Http404
        return account, person


class Profile(Section):
    """The own account."""

    start, label, icon = "profile", "Profile", "person"

    def urls(self) -> Sequence[URLPattern]:
        return [self.form("profile/", self.profile, "profile")]

    def profile(self, request: HttpRequest) -> HttpResponse:
        account = account_of(request)
        own = Account.objects.select_related("tenant").get(pk=account.pk)
        form = OwnForm(posted(request), instance=own)
        if request.method == "POST" and form.is_valid():
            operations.save(own, by=account.actor)
            return done(request, "Your profile is saved.", reverse("my:profile"))
        shown = {"form": form, "own": own, "role": role_word(own.role)}
        return self.page(request, "my/people/profile.html", shown, title="Profile")
