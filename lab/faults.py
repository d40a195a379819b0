"""What is wrong with a lab router just now."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

NORMAL, DEAD, BLACKHOLE, REFUSE, NONSENSE = "normal", "dead", "blackhole", "refuse", "nonsense"
MODES = (NORMAL, DEAD, BLACKHOLE, REFUSE, NONSENSE)


@dataclass(slots=True)
class Faults:
    """Faults of both protocols.

    dead: UDP is silent and TCP refuses; blackhole: nothing answers at all; refuse: every login
    and community is wrong; nonsense: garbage octets on both protocols.
    """

    mode: str = NORMAL
    delay_s: float = 0.0
    loss: float = 0.0  # share of datagrams, and of new connections, 0 to 1
    dice: random.Random = field(default_factory=lambda: random.Random(20))

    @property
    def silent(self) -> bool:
        return self.mode in (DEAD, BLACKHOLE)

    def loses_one(self) -> bool:
        """Whether this datagram or connection is lost."""
        return self.loss > 0 and self.dice.random() < self.loss

    def garbage(self) -> bytes:
        """Octets that no protocol takes for its own: a reserved control byte leads."""
        return b"\xff\xf9" + self.dice.randbytes(46)
