"""One connection to a router's API: connect, log in, ask, command."""

import hashlib
import logging
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self, TypeVar

from librouteros.exceptions import LibRouterosError, MultiTrapError, TrapError

from ispcore.protocols.errors import Nonsense, ProtocolError, Refused, Unreachable
from ispcore.protocols.routeros.wire import BufferedTransport, Fatal, TextApi, TextProtocol, Words
from ispcore.protocols.text import visible

logger = logging.getLogger(__name__)

T = TypeVar("T")

COMMAND_LIMIT = 6  # a whole command may take this many time-outs, however it trickles in


@dataclass(frozen=True, slots=True)
class RouterOsTarget:
    """A router's API service (8728, with TLS 8729) and how to log in.

    `tls_fingerprint`: SHA-256 of the router's certificate in hex, with or without colons; empty
    accepts any, even none (RouterOS without a certificate uses anonymous Diffie-Hellman).
    `timeout_s` is for connecting and for each wait for more. `allow_challenge_login`: also log in
    to RouterOS before 6.43, whose MD5 challenge an eavesdropper can attack. The password stays out
    of the repr.
    """

    address: str
    port: int = 8728
    tls: bool = False
    user: str = ""
    password: str = field(default="", repr=False)
    tls_fingerprint: str = ""
    timeout_s: float = 5.0
    allow_challenge_login: bool = False

    @property
    def peer(self) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{host}:{self.port}"


class Session:
    """A logged-in connection. Not for several threads at once. A refused command leaves it usable;
    after any other error it is closed."""

    def __init__(self, target: RouterOsTarget, api: TextApi) -> None:
        self.target = target
        self._api = api
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def closed(self) -> bool:
        return self._closed

    def rows(
        self, path: str, *, proplist: Sequence[str], where: Mapping[str, str] | None = None
    ) -> list[Words]:
        """Print a menu: `rows("/interface", proplist=["name"], where={"type": "vlan"})`.

        Only the properties in `proplist` are read, all conditions in `where` must hold. Values are
        text as the router writes it; a property that a row does not have is missing from it.
        """
        conditions = [f"?={name}={value}" for name, value in (where or {}).items()]
        words = [f"=.proplist={','.join(proplist)}", *conditions]
        return self._ask(f"{path}/print", words)

    def command(self, path: str, **attributes: str) -> list[Words]:
        """Run a command: `command("/interface/set", **{".id": "*1", "comment": "x"})`.

        Returns its rows; for an `add` one row `{"ret": "*1F"}`. Raises Refused when the router
        traps it, with the router's words.
        """
        return self._ask(path, [f"={name}={value}" for name, value in attributes.items()])

    def close(self) -> None:
        """Idempotent."""
        self._closed = True
        self._api.close()

    def _ask(self, path: str, words: Sequence[str]) -> list[Words]:
        if self._closed:
            raise Unreachable(f"the session with {self.target.peer} is closed")
        self._api.begin(limit_s=self.target.timeout_s * COMMAND_LIMIT)
        try:
            with _translated(self.target, path):
                return [dict(row) for row in self._api.rawCmd(path, *words)]
        except Refused as refusal:
            if isinstance(refusal.__cause__, Fatal):
                self.close()
            raise
        except ProtocolError:
            self.close()
            raise


def connect(target: RouterOsTarget) -> Session:
    """Connect and log in. Raises Unreachable, Refused (port closed, wrong password, certificate
    not the pinned one) or Nonsense (something else lives at that port)."""
    with _translated(target, "connect"):
        sock = _open(target)
    session = Session(target, TextApi(TextProtocol(BufferedTransport(sock))))
    try:
        _log_in(session)
    except ProtocolError:
        session.close()
        raise
    return session


def _open(target: RouterOsTarget) -> socket.socket:
    try:
        sock = socket.create_connection((target.address, target.port), timeout=target.timeout_s)
    except TimeoutError:
        raise Unreachable(f"no connection to {target.peer} in {target.timeout_s:.1f} s") from None
    except ConnectionRefusedError:
        raise Refused(f"connection refused on {target.peer}") from None
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return _secured(target, sock) if target.tls else sock


def _secured(target: RouterOsTarget, sock: socket.socket) -> ssl.SSLSocket:
    """TLS, and the certificate compared with the pin before anything is said."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # routers sign their own: the pin is what proves identity
    if not target.tls_fingerprint:
        context.set_ciphers("ALL:@SECLEVEL=0")  # ALL has the anonymous ones, DEFAULT not
    try:
        secured = context.wrap_socket(sock)
    except TimeoutError:
        raise Unreachable(
            f"no TLS handshake with {target.peer} in {target.timeout_s:.1f} s"
        ) from None
    except ssl.SSLError as error:
        raise Nonsense(f"no TLS on {target.peer}: {error.reason or error}") from None
    found = hashlib.sha256(secured.getpeercert(binary_form=True) or b"").hexdigest()
    if target.tls_fingerprint and found != _hex(target.tls_fingerprint):
        secured.close()
        raise Refused(f"certificate of {target.peer} is not the pinned one: SHA-256 is {found}")
    return secured


def _hex(fingerprint: str) -> str:
    return fingerprint.replace(":", "").strip().lower()


def _log_in(session: Session) -> None:
    """RouterOS 6.43 and later take name and password; older ones answer with a challenge [wiki
    Manual:API]: MD5 over a zero octet, the password and the challenge."""
    target = session.target
    answer = _credentials(session, password=target.password)
    challenge = answer[0].get("ret") if answer else None
    if challenge is None:
        return
    if not target.allow_challenge_login:
        raise Refused("the router offers only the old challenge login (RouterOS before 6.43)")
    try:
        secret = b"\0" + target.password.encode() + bytes.fromhex(challenge)
    except ValueError:
        raise Nonsense("the router's login challenge is not hexadecimal") from None
    digest = hashlib.md5(secret, usedforsecurity=False).hexdigest()
    _credentials(session, response=f"00{digest}")


def _credentials(session: Session, **proof: str) -> list[Words]:
    try:
        return session.command("/login", name=session.target.user, **proof)
    except Refused as error:
        raise Refused(f"login refused: {_reason(error)}") from None
    except Unreachable as error:
        if isinstance(error.__cause__, LibRouterosError | ConnectionError):
            raise Refused(
                f"{session.target.peer} closed the connection before login: "
                "address not allowed for the API, or too many sessions"
            ) from None
        raise


def _reason(error: Refused) -> str:
    """The router's own words, without which command it was."""
    return visible(str(error.__cause__) if error.__cause__ else str(error))


@contextmanager
def _translated(target: RouterOsTarget, doing: str) -> Iterator[None]:
    """librouteros' and the socket's errors as ours, the original as cause."""
    try:
        yield
    except (TrapError, MultiTrapError, Fatal) as error:
        raise Refused(f"{target.peer} refused {doing}: {visible(str(error))}") from error
    except TimeoutError:
        raise Unreachable(
            f"no answer from {target.peer} to {doing} in {target.timeout_s:.1f} s"
        ) from None
    except (ConnectionError, LibRouterosError) as error:
        raise _broken(target, doing, error) from error
    except OSError as error:
        raise Unreachable(f"no way to {target.peer}: {error.strerror or error}") from error


def _broken(
    target: RouterOsTarget, doing: str, error: ConnectionError | LibRouterosError
) -> ProtocolError:
    if isinstance(error, ConnectionError) or type(error).__name__ == "ConnectionClosed":
        return Unreachable(f"{target.peer} closed the connection during {doing}")
    return Nonsense(f"{target.peer} does not speak the RouterOS API: {visible(str(error))}")


def polled(target: RouterOsTarget, read: Callable[[Session], T]) -> T:
    """Connect, read, close: for callers that keep no session."""
    with connect(target) as session:
        return read(session)
