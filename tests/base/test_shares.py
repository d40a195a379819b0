"""Members that share work: every key has exactly one owner, and a lapsed member's part moves."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from ispcore.base import leases, shares
from ispcore.base.models import JobLease
from ispcore.base.shares import Share
from tests.conftest import NOON

pytestmark = pytest.mark.django_db


def as_member(monkeypatch: pytest.MonkeyPatch, name: str) -> Share:
    monkeypatch.setattr(leases, "me", lambda: name)
    monkeypatch.setattr(shares, "me", lambda: name)
    return shares.join("collector", ttl_s=30)


def test_one_alone_has_everything() -> None:
    share = shares.join("collector", ttl_s=30)
    assert (share.index, share.count) == (0, 1)
    assert share.of(range(100)) == list(range(100))


@pytest.mark.parametrize("count", [2, 3, 7])
def test_every_key_has_exactly_one_owner_and_parts_are_even(count: int) -> None:
    parts = [Share(index, count).of(range(7_000)) for index in range(count)]
    assert sorted(key for part in parts for key in part) == list(range(7_000))
    assert max(map(len, parts)) < 1.2 * 7_000 / count


def test_members_agree_on_the_order(
    monkeypatch: pytest.MonkeyPatch, frozen_clock: Callable[[datetime], None]
) -> None:
    as_member(monkeypatch, "b:1")
    assert as_member(monkeypatch, "a:9") == Share(0, 2)
    assert as_member(monkeypatch, "b:1") == Share(1, 2)


def test_a_member_that_falls_silent_loses_its_part_when_its_lease_ends(
    monkeypatch: pytest.MonkeyPatch, frozen_clock: Callable[[datetime], None]
) -> None:
    as_member(monkeypatch, "a:1")
    as_member(monkeypatch, "b:1")
    frozen_clock(NOON + timedelta(seconds=29))
    assert as_member(monkeypatch, "b:1").count == 2
    frozen_clock(NOON + timedelta(seconds=31))
    assert as_member(monkeypatch, "b:1") == Share(0, 1)


def test_who_leaves_is_gone_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    as_member(monkeypatch, "a:1")
    as_member(monkeypatch, "b:1")
    shares.leave("collector")
    assert as_member(monkeypatch, "a:1") == Share(0, 1)


def test_members_of_another_kind_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    as_member(monkeypatch, "a:1")
    assert shares.join("watch", ttl_s=30) == Share(0, 1)


def test_long_lapsed_members_are_forgotten_and_runs_of_jobs_stay(
    monkeypatch: pytest.MonkeyPatch, frozen_clock: Callable[[datetime], None]
) -> None:
    as_member(monkeypatch, "a:1")
    leases.take("collect", slot=NOON, ttl_s=30)
    frozen_clock(NOON + timedelta(days=2))
    assert shares.forget() == 1
    assert JobLease.objects.get().job == "collect"
