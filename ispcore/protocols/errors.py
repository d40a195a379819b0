"""The three ways in which a device can fail us; every protocol module raises only these."""

from typing import ClassVar


class ProtocolError(Exception):
    """A device did not give what was asked. `str(error)` is a sentence for the operator: what
    happened and where, never a password, key or community."""

    kind: ClassVar[str] = "error"


class Unreachable(ProtocolError):
    """No answer, time-out, no route, connection lost: nobody talks to us."""

    kind = "unreachable"


class Refused(ProtocolError):
    """Connection refused, wrong credentials, certificate not the pinned one, not authorised:
    somebody is there and says no."""

    kind = "refused"


class Nonsense(ProtocolError):
    """Somebody answers, but not in this protocol, or contradicts himself."""

    kind = "nonsense"
