"""Who asks, and for what: the people of the table, and one row of each kind, all of dhaka."""

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.contrib.contenttypes.models import ContentType

from tests.conftest import _account
from tests.harness.processes import free_port

if TYPE_CHECKING:
    from ispcore.accounts.models import Account, ApiToken
    from tests.pages.conftest import Isp


@dataclass
class World:
    isp: "Isp"
    people: "dict[str, Account | None]"
    keys: dict[str, Any]
    """The row to ask for, by the part of the address that says what it is."""
    token: str
    """The API token by which `machine` comes; it has no session."""

    def address(self, pattern: str) -> str:
        """Where to ask. Fails for an address with a part of which nothing is known here."""
        kind = ContentType.objects.get_for_model(self.isp.dhaka).pk
        known = {"r/<path:content_type_id>/<path:object_id>": f"r/{kind}/{self.isp.dhaka.pk}"}
        known |= {"<app_label>": "resellers", "<slug:token>": "nothing"}
        known |= {"<anything else>": "nowhere", "(root)": "", "<uidb36>-<key>": "1-nothing"}
        for part, value in known.items():
            pattern = pattern.replace(part, value)
        if "<" in pattern:
            pk = next((str(pk) for part, pk in self.keys.items() if part in pattern), None)
            assert pk is not None, f"{pattern}: say in tests/access/world.py which row to ask for"
            pattern = pattern.replace("<int:pk>", pk).replace("<path:object_id>", pk)
        assert "<" not in pattern, f"{pattern}: say in tests/access/world.py what to put there"
        return f"/{pattern}"

    def topic_keys(self) -> dict[str, str]:
        """The keys to watch: of a topic as a whole (empty), and of dhaka's or the narrowed's."""
        tenant = str(self.isp.dhaka.tenant_id)
        narrowed = self.people["narrowed"]
        assert narrowed is not None
        return {
            "live overview": "",
            "live alerts": "",
            "live alerts of a tenant": tenant,
            "live alerts of a narrowed account": f"account-{narrowed.pk}",
            "live router": str(self.isp.edge.pk),
            "live reseller": str(self.isp.dhaka.pk),
            "live reseller-usage": str(self.isp.dhaka.pk),
            "live my": str(self.isp.dhaka.pk),
            "live my-usage": str(self.isp.dhaka.pk),
            "live my-alerts": tenant,
        }


def make(isp: "Isp") -> World:
    people = _people(isp)
    token, text = _api_token(people["machine"])
    return World(isp, people, _keys(isp, people) | {"accounts/apitoken": token.pk}, text)


def _people(isp: "Isp") -> "dict[str, Account | None]":
    """Named as the columns of the table. `narrowed` is an operator who was granted the router that
    carries dhaka, and nothing else; `machine` is another system, which dhaka's owner asked for;
    `inactive` is answered as anonymous."""
    from ispcore.accounts.operations import accounts, grants
    from ispcore.base.audit import Actor

    by, dhaka, ctg = Actor("test"), isp.dhaka.tenant, isp.ctg.tenant
    people: dict[str, Account | None] = {
        "super": _account("super", "super_user"),
        "admin": _account("admin", "admin"),
        "noc": _account("noc", "operator"),
        "viewer": _account("viewer", "viewer"),
        "narrowed": _account("narrowed", "operator"),
        "dhaka_owner": _account("reseller_dhaka", "client", dhaka),
        "dhaka_operator": _account("op_dhaka", "operator", dhaka),
        "dhaka_viewer": _account("look_dhaka", "viewer", dhaka),
        "ctg": _account("reseller_ctg", "client", ctg),
        "machine": accounts.create("books", role="viewer", tenant=dhaka, password=None, by=by),
        "inactive": _account("gone", "admin"),
        "anonymous": None,
    }
    narrowed, gone = people["narrowed"], people["inactive"]
    assert narrowed is not None
    assert gone is not None
    grants.replace(narrowed, [("routers.router", isp.edge.pk)], by=by)
    gone.is_active = False
    gone.save()
    return people


def _api_token(machine: "Account | None") -> "tuple[ApiToken, str]":
    """All that a token can be for, and read by it."""
    from ispcore.accounts.operations import api_tokens
    from ispcore.base import clock
    from ispcore.base.audit import Actor

    assert machine is not None
    return api_tokens.create(
        machine,
        name="books",
        scopes=["alerts:read", "resellers:read"],
        expires_at=clock.now() + timedelta(days=1),
        by=Actor("test"),
    )


def _keys(isp: "Isp", people: "dict[str, Account | None]") -> dict[str, Any]:
    from allauth.mfa.models import Authenticator

    from ispcore.accounts.models import RolePolicy
    from ispcore.base.models import AuditEntry, JournalEntry
    from monitoring.models import Rule
    from routers.models import InterfaceChange, Router

    looker, gone = people["dhaka_viewer"], people["inactive"]
    assert looker is not None
    assert gone is not None
    # where a test of real transactions ran before, the rows that migrations made are gone
    policy, _ = RolePolicy.objects.get_or_create(role="operator")
    of_rule = {"metric": "mapping.interface_gone", "critical": 1, "critical_severity": "high"}
    rule, _ = Rule.objects.get_or_create(name="Mapped interface gone", defaults=of_rule)
    key = Authenticator.objects.create(user=gone, type="webauthn", data={"name": "another's"})
    # a router whose buttons are answered at once, and by this machine
    Router.objects.filter(pk=isp.edge.pk).update(
        address="127.0.0.1", api_port=free_port(), snmp_port=free_port()
    )
    rename = InterfaceChange.objects.create(
        router=isp.edge,
        at=isp.over_plan.opened_at,
        kind="renamed",
        interface=isp.interfaces["vlan-312"],
        other=isp.interfaces["ether1"],
    )
    return {
        "base/auditentry": AuditEntry.objects.latest("pk").pk,
        "base/journalentry": JournalEntry.objects.latest("at").pk,
        "accounts/account": looker.pk,
        "accounts/rolepolicy": policy.pk,
        "second-factor/webauthn/keys": key.pk,
        "my/people": looker.pk,
        "my/subscribers": isp.rahim.pk,
        "alert": isp.over_plan.pk,
        "monitoring/rule": rule.pk,
        "routers/router/renames": rename.pk,
        "routers/router": isp.edge.pk,
        "routers/interface": isp.interfaces["vlan-312"].pk,
        "resellers/mapping": isp.dhaka_mapping.pk,
        "resellers/plan": isp.plan.pk,
        "subscribers/subscriber": isp.rahim.pk,
        "subscribers/package": isp.home.pk,
        "resellers": isp.dhaka.pk,
    }
