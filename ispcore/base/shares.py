"""Several processes of one kind share the work: who is there, and which part is whose.

Each member holds a lease and prolongs it; whose lease lapses is out, and the others have its part
from their next look on. Who died on our own node is out at once. While members come and go two may do the same part for one round: the work
must bear that.
"""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from ispcore.base import clock
from ispcore.base.leases import STANDING, is_gone, me
from ispcore.base.models import JobLease


@dataclass(frozen=True, slots=True)
class Share:
    """Part `index` of `count` (from 0): what hashes to it is ours."""

    index: int = 0
    count: int = 1

    def has(self, key: int) -> bool:
        """Whether the thing with this primary key is in our part. Neighbours are spread evenly."""
        return zlib.crc32(key.to_bytes(8, "big")) % self.count == self.index

    def of(self, keys: Iterable[int]) -> list[int]:
        return [key for key in keys if self.has(key)]

    def __str__(self) -> str:
        return f"share {self.index + 1} of {self.count}"


def join(kind: str, *, ttl_s: float) -> Share:
    """Take or prolong our membership, and tell which part is ours by now.

    Ask well within `ttl_s` of the last time; members are ordered by name, so that all of them cut
    the work alike.
    """
    now, name = clock.now(), f"{kind}/{me()}"
    expires_at = now + timedelta(seconds=ttl_s)
    JobLease.objects.update_or_create(
        job=name,
        slot=STANDING,
        defaults={"owner": me(), "expires_at": expires_at},
        create_defaults={"owner": me(), "taken_at": now, "expires_at": expires_at},
    )
    leases = JobLease.objects.filter(job__startswith=f"{kind}/", slot=STANDING, expires_at__gte=now)
    members = sorted(m.job for m in leases if not is_gone(m.owner, since=m.taken_at))
    return Share(members.index(name), len(members))


def leave(kind: str) -> None:
    """Give our part to the others at once."""
    JobLease.objects.filter(job=f"{kind}/{me()}", slot=STANDING).delete()


def forget(*, older_than: timedelta = timedelta(days=1)) -> int:
    """Delete members that lapsed long ago; returns how many."""
    lapsed = JobLease.objects.filter(
        job__contains="/", slot=STANDING, expires_at__lt=clock.now() - older_than
    )
    deleted, _ = lapsed.delete()
    return deleted
