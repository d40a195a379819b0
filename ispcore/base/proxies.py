"""Before everything else: whose request it is, and which headers of proxies are believed."""

import logging
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

from ispcore.base.addresses import Network, client_address, is_in, plain

Scope = MutableMapping[str, Any]
Application = Callable[[Scope, Any, Any], Awaitable[None]]
FORWARDED = b"x-forwarded-for"
# all that a proxy may say; what nobody here reads is dropped as well, so that nobody starts to
SAID_BY_PROXIES = (b"x-forwarded-", b"forwarded", b"x-real-ip")
log = logging.getLogger(__name__)


class TrustedProxies:
    """The client's address is the proxy's word where the proxy is ours, else the peer's own; without
    the name of an interface (fe80::1%eth0), which no column of addresses takes.

    Around pages and sockets alike. Headers of strangers that claim to be a proxy's are dropped:
    Django believes X-Forwarded-Proto (SECURE_PROXY_SSL_HEADER) of whoever sends it.
    """

    def __init__(self, application: Application, trusted: Sequence[Network]) -> None:
        self.application = application
        self.trusted = trusted
        self._told: set[str] = set()

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope.get("client") and scope["type"] in {"http", "websocket"}:
            scope = dict(scope)
            self._settle(scope)
        await self.application(scope, receive, send)

    def _settle(self, scope: Scope) -> None:
        peer, port = scope["client"][0], scope["client"][1]
        headers = list(scope["headers"])
        if is_in(peer, self.trusted):
            said = [value.decode("latin-1") for name, value in headers if name == FORWARDED]
            address = client_address(peer, said, self.trusted)
            scope["client"] = [plain(address) or address, port if address == peer else 0]
            return
        scope["client"] = [plain(peer) or peer, port]
        scope["headers"] = [each for each in headers if not each[0].startswith(SAID_BY_PROXIES)]
        if len(scope["headers"]) < len(headers):
            self._tell(peer)

    def _tell(self, peer: str) -> None:
        """Once for each of the first few: whose proxy it is should name it, others are noise."""
        if peer not in self._told and len(self._told) < 10:
            self._told.add(peer)
            log.warning("%s: not in TRUSTED_PROXIES, its X-Forwarded headers are dropped", peer)
