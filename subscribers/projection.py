"""What FreeRADIUS should have of a subscriber and of a package: total functions, pure and quick.

Rows are (attribute, operator, value). A subscriber's rows stand under its username; what all
subscribers of a package share stands once in the package's group, which PPPoE and static lines are
in. Hotspot users are in no group: all they have is their own. Rows of a user say ":=" and so go
before those of the group, which say "=" in replies.

FreeRADIUS evaluates these rows with deploy/freeradius/policy.conf, which knows the attributes
ISPCore-*: the reason of a refusal, the quota, and the walled garden.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from subscribers.rate_limit import NONE, Pair, RateLimit

Row = tuple[str, str, str]
SET, ADD_IF_ABSENT = ":=", "="
GROUP = "pkg-{}"
ACTIVE = "active"
WALLABLE = frozenset({"suspended", "expired"})
"""Where the package says so, these log in all the same, into the walled garden."""
UNREADABLE = "password unreadable"


class Rows(NamedTuple):
    """Check and reply rows, in an order that the same truth always gives; and the groups."""

    checks: tuple[Row, ...]
    replies: tuple[Row, ...]
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Terms:
    """What a package says, as its subscribers' rows need it."""

    package_id: int
    service: str
    limit: RateLimit
    device_limit: int | None = None
    session_timeout_s: int | None = None
    idle_timeout_s: int | None = None
    interim_s: int = 300
    quota_octets: int | None = None
    past_quota: str = "stop"
    throttled: Pair = NONE
    ipv4_pool: str = ""
    ipv6_pool: str = ""
    delegated_pool: str = ""
    address_list: str = ""
    when_blocked: str = "reject"
    walled_list: str = ""
    walled: Pair = NONE

    @property
    def is_walled(self) -> bool:
        """Whoever is suspended or expired logs in all the same, into the walled garden."""
        return self.when_blocked == "walled"

    @property
    def own_part(self) -> object:
        """What the rows of subscribers themselves depend on; the rest stands in the group alone."""
        if self.service == "hotspot":
            return self
        return self.service, self.device_limit, bool(self.quota_octets), self.is_walled

    @cached_property
    def shared(self) -> Rows:
        """What all subscribers of the package are checked for and told alike: made once for them."""
        op = SET if self.service == "hotspot" else ADD_IF_ABSENT
        return Rows(_shared_checks(self), _shared_replies(self, op))


class Line(NamedTuple):
    """What a subscriber's rows are made from; times are seconds since 1970, as FreeRADIUS reads
    them whatever its zone."""

    username: str
    password: str | None
    """None: no key opens it."""
    service: str
    status: str
    expires_at_s: int | None
    period_from_s: int
    period_until_s: int
    device_limit: int | None = None
    ipv4: str | None = None
    ipv6_prefix: str | None = None
    delegated_prefix: str | None = None
    mac: str = ""


def group_of(package_id: int) -> str:
    return GROUP.format(package_id)


def of_package(terms: Terms) -> Rows:
    """The rows of the package's group; none for hotspot, whose users are in no group."""
    return Rows((), ()) if terms.service == "hotspot" else terms.shared


def of_subscriber(line: Line, terms: Terms) -> Rows:
    """The rows of one username; whatever the status, there is an answer, and no login but of who is
    active. To the second it is Expiration that ends that."""
    checks = [*_identity(line, terms), *_denial(line, terms)]
    if line.expires_at_s is not None:
        checks.append(("Expiration", SET, str(line.expires_at_s)))
    if terms.quota_octets:
        checks.append(("ISPCore-Quota-From", SET, str(line.period_from_s)))
        checks.append(("ISPCore-Quota-Until", SET, str(line.period_until_s)))
    if line.service == "hotspot":
        shared = terms.shared
        return Rows((*checks, *shared.checks), (*_own_replies(line), *shared.replies))
    return Rows(tuple(checks), _own_replies(line), (group_of(terms.package_id),))


def _shared_checks(terms: Terms) -> tuple[Row, ...]:
    rows: list[Row] = []
    if terms.quota_octets:
        rows.append(("ISPCore-Quota-Octets", SET, str(terms.quota_octets)))
        if terms.past_quota == "throttle":
            rows.append(("ISPCore-Quota-Rate", SET, str(RateLimit(terms.throttled))))
    if terms.is_walled:
        rows.append(("ISPCore-Garden-List", SET, terms.walled_list))
        rows.append(("ISPCore-Garden-Rate", SET, str(RateLimit(terms.walled))))
    return tuple(rows)


def _shared_replies(terms: Terms, op: str) -> tuple[Row, ...]:
    rows = [("Mikrotik-Rate-Limit", str(terms.limit)), ("Acct-Interim-Interval", terms.interim_s)]
    if terms.service == "pppoe":
        rows.append(("Framed-Protocol", "PPP"))
    named = (
        ("Session-Timeout", terms.session_timeout_s),
        ("Idle-Timeout", terms.idle_timeout_s),
        ("Framed-Pool", terms.ipv4_pool),
        ("Framed-IPv6-Pool", terms.ipv6_pool),
        ("Mikrotik-Delegated-IPv6-Pool", terms.delegated_pool),
        ("Mikrotik-Address-List", terms.address_list),
    )
    rows += [(attribute, value) for attribute, value in named if value]
    return tuple((attribute, op, str(value)) for attribute, value in rows)


def _identity(line: Line, terms: Terms) -> list[Row]:
    """Who it is, on which device, on how many of them."""
    rows: list[Row] = []
    if line.password is not None:
        rows.append(("Cleartext-Password", SET, line.password))
    if devices := line.device_limit or terms.device_limit:
        rows.append(("Simultaneous-Use", SET, str(devices)))
    if line.mac:
        rows.append(("Calling-Station-Id", "==", line.mac))
    return rows


def _denial(line: Line, terms: Terms) -> list[Row]:
    """Why this line may not log in; with a reason alone the login leads into the walled garden."""
    reason = UNREADABLE if line.password is None else line.status
    if reason == ACTIVE:
        return []
    rows: list[Row] = [("ISPCore-Reason", SET, reason or "not allowed")]
    if reason not in WALLABLE or not terms.is_walled:
        rows.append(("Auth-Type", SET, "Reject"))
    return rows


def _own_replies(line: Line) -> tuple[Row, ...]:
    if not (line.ipv4 or line.ipv6_prefix or line.delegated_prefix):
        return ()
    named = (
        ("Framed-IP-Address", line.ipv4),
        ("Framed-IPv6-Prefix", line.ipv6_prefix),
        ("Delegated-IPv6-Prefix", line.delegated_prefix),
    )
    return tuple((attribute, SET, value) for attribute, value in named if value)
