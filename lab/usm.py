"""SNMPv3's user-based security model."""

from __future__ import annotations

from collections.abc import Callable

from lab.ber import Reader

Respond = Callable[[Reader, int], bytes | None]


class Usm:
    """Not yet."""

    def __init__(self, router: object) -> None:
        self.router = router

    def answer(self, datagram: bytes, respond: Respond, *, refuse: bool) -> bytes | None:
        return None
