"""What an MS-CHAPv2 client sends (RFC 2759), with the NT hash from FreeRADIUS' smbencrypt."""

import hashlib
import secrets
import subprocess

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes

from tests.harness.processes import program


def v2(username: str, password: str) -> tuple[str, str, str]:
    """The attributes of an Access-Request, as radclient reads them."""
    challenge, peer = secrets.token_bytes(16), secrets.token_bytes(16)
    hashed = hashlib.sha1(peer + challenge + username.encode(), usedforsecurity=False).digest()[:8]
    answer = _challenge_response(hashed, _nt_hash(password))
    response = bytes([1, 0]) + peer + bytes(8) + answer
    return (
        f'User-Name = "{username}"',
        f"MS-CHAP-Challenge = 0x{challenge.hex()}",
        f"MS-CHAP2-Response = 0x{response.hex()}",
    )


def _nt_hash(password: str) -> bytes:
    done = subprocess.run(
        [program("smbencrypt"), password], check=True, capture_output=True, text=True
    )
    return bytes.fromhex(done.stdout.split()[-1])


def _challenge_response(challenge: bytes, nt_hash: bytes) -> bytes:
    padded = nt_hash.ljust(21, b"\0")
    return b"".join(_des(padded[at : at + 7], challenge) for at in (0, 7, 14))


def _des(key: bytes, block: bytes) -> bytes:
    bits = int.from_bytes(key, "big")
    spread = bytes((bits >> shift & 0x7F) << 1 for shift in range(49, -1, -7))
    cipher = Cipher(TripleDES(spread * 3), modes.ECB()).encryptor()  # noqa: S305 - RFC 2759
    return cipher.update(block) + cipher.finalize()
