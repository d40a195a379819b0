"""Slow down whoever guesses passwords, without keeping out whose password it is."""

import hashlib
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction

from ispcore.accounts import security
from ispcore.accounts.models import Account, KnownNetwork, LoginBrake
from ispcore.base import clock
from ispcore.base.addresses import network_of

WINDOW = timedelta(minutes=15)  # after which failures are forgotten
FREE_TRIES = 5  # of one name from one address, or from one device of its owner
FREE_TRIES_OF_ADDRESS = 50
FREE_TRIES_OF_ACCOUNT = 20  # from all addresses that it never logged in from
LONGEST_WAIT_S = 300
LONGEST_WAIT_OF_ACCOUNT_S = 60


@dataclass(frozen=True, slots=True)
class Brake:
    """Failures counted under one key; from `free` of them on each further try waits longer.

    What is counted: `of` says it in a word, `what` to whoever waits.
    """

    of: str
    key: str
    free: int
    longest_s: int
    what: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """Somebody says a name and a password; `device` is named by a cookie that we once gave to a
    browser in which this very account logged in.

    Names count letter for letter, as they log in: whoever may make an account "NOC" would else buy
    tries for "noc" with it.
    """

    name: str
    address: str
    device: str = ""

    @property
    def brakes(self) -> list[Brake]:
        """Those that this attempt counts under and waits for.

        A device of the owner's has a count of its own only: however many guess, from wherever,
        also from beside it, its owner gets in. So does, up to the count of its address, who comes
        from where the account logged in before.
        """
        name, network = self.name, network_of(self.address)
        if self.device:
            return [_brake("device", self.device, name, what="for this name from this browser")]
        found = [
            _brake("name", network, name, what="for this name from your address"),
            _brake(
                *("address", network),
                free=FREE_TRIES_OF_ADDRESS,
                what="for several names from your address",
            ),
        ]
        if not _is_known(name, network):
            found.append(
                _brake(
                    *("account", name),
                    free=FREE_TRIES_OF_ACCOUNT,
                    longest_s=LONGEST_WAIT_OF_ACCOUNT_S,
                    what="for this name from many addresses",
                )
            )
        return found


def wait_s(attempt: Attempt) -> tuple[int, str]:
    """For how long nothing is tried, and for what; 0 where it may be."""
    brakes = {brake.key: brake for brake in attempt.brakes}
    now = clock.now()
    blocked = LoginBrake.objects.filter(key__in=brakes, blocked_until__gt=now)
    longest = blocked.order_by("-blocked_until").first()
    if longest is None or longest.blocked_until is None:
        return 0, ""
    left_s = (longest.blocked_until - now).total_seconds()
    return max(int(left_s + 0.999), 1), brakes[longest.key].what


def judge(attempt: Attempt, *, is_right: bool) -> tuple[int, str]:
    """What came of it, once the password was checked; what is wrong counts. Returns as `wait_s`.

    That check takes its time, and who tries hundreds at once would have them all checked before
    the first of them counts. So whose turn comes when others have failed too often is told to wait
    as well, right or wrong.
    """
    waiting = wait_s(attempt)
    if not is_right:
        count_failure(attempt)
    return waiting


def count_failure(attempt: Attempt) -> None:
    """The password or the code was wrong. What waits from now on is told as an attack.

    Of names that nobody has it is told by address only, and without the name: it may be a password
    in the wrong field.
    """
    account, address = _account_of(attempt.name), attempt.address or None
    waiting = {
        brake.of: failures for brake in attempt.brakes if (failures := _count(brake)) >= brake.free
    }
    if "account" in waiting and account:
        words = f"{waiting['account']} failed logins of {account} from many addresses"
        security.notice(security.BRUTE_FORCE, account=account, address=None, words=words)
    elif "address" in waiting:
        words = f"{waiting['address']} failed logins of several names from {address}"
        security.notice(security.BRUTE_FORCE, account=None, address=address, words=words)
    elif account and waiting:
        words = f"{max(waiting.values())} failed logins of {account} from {address}"
        security.notice(security.BRUTE_FORCE, account=account, address=address, words=words)


def forgive(attempt: Attempt) -> None:
    """The password was right. Only this name is forgiven: else an account of one's own would buy
    tries for others."""
    own = [brake.key for brake in attempt.brakes if brake.free == FREE_TRIES]
    LoginBrake.objects.filter(key__in=own).delete()


def forget() -> int:
    """Delete failures that are past their time; returns how many."""
    deleted, _ = LoginBrake.objects.filter(failed_at__lt=clock.now() - WINDOW).delete()
    return deleted


def _count(brake: Brake) -> int:
    """One more failure; how many there are with it."""
    now = clock.now()
    with transaction.atomic():
        LoginBrake.objects.get_or_create(key=brake.key)
        row = LoginBrake.objects.select_for_update().get(key=brake.key)
        row.failures = 1 if now - row.failed_at > WINDOW else row.failures + 1
        row.failed_at = now
        if row.failures >= brake.free:
            wait = min(2 ** min(row.failures - brake.free + 1, 10), brake.longest_s)
            row.blocked_until = now + timedelta(seconds=wait)
        row.save()
    return row.failures


def _brake(
    of: str, *about: str, free: int = FREE_TRIES, longest_s: int = LONGEST_WAIT_S, what: str
) -> Brake:
    text = "\0".join((of, *about)).encode("utf-8", "replace")
    return Brake(of, hashlib.sha256(text).hexdigest(), free, longest_s, what)


def _account_of(name: str) -> Account | None:
    return None if "\0" in name else Account.objects.filter(username=name).first()


def _is_known(name: str, network: str) -> bool:
    known = KnownNetwork.objects.filter(account__username=name, network=network)
    return "\0" not in name and known.exists()
