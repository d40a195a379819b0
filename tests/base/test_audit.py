"""The record of changes stands or falls with the change."""

import pytest
from django.db import transaction

from ispcore.accounts.models import Tenant
from ispcore.base import audit
from ispcore.base.audit import Actor, NotInTransaction
from ispcore.base.models import AuditEntry

BY = Actor("noc", 7)


def test_an_entry_outside_a_transaction_is_refused(transactional_db: None) -> None:
    tenant = Tenant.objects.create(name="Dhaka Fibre")
    with pytest.raises(NotInTransaction):
        audit.record("create", tenant, by=BY)
    assert not AuditEntry.objects.exists()


def test_a_change_that_is_undone_leaves_no_entry(transactional_db: None) -> None:
    with transaction.atomic():
        audit.record("create", Tenant.objects.create(name="Dhaka Fibre"), by=BY)
        transaction.set_rollback(True)
    assert not Tenant.objects.exists()
    assert not AuditEntry.objects.exists()


def test_an_entry_says_who_what_when_and_from_where(db: None) -> None:
    tenant = Tenant.objects.create(name="Dhaka Fibre")
    with audit.coming_from("admin", address="2001:db8::7"):
        entry = audit.record(
            "change", tenant, by=BY, old={"name": "A", "x": 1}, new={"name": "B", "x": 1}
        )
    entry.refresh_from_db()
    assert (entry.actor, entry.actor_id, entry.action) == ("noc", 7, "change")
    assert (entry.surface, entry.address) == ("admin", "2001:db8::7")
    assert (entry.object_kind, entry.object_id) == ("accounts.tenant", str(tenant.pk))
    assert (entry.old, entry.new) == ({"name": "A"}, {"name": "B"})
    assert str(entry) == "noc: change Dhaka Fibre"


def test_the_origin_ends_with_its_block(db: None) -> None:
    with audit.coming_from("admin", address="192.0.2.1"):
        pass
    entry = audit.record("change", Tenant.objects.create(name="X"), by=BY)
    assert (entry.surface, entry.address) == ("command", None)
