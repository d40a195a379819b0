"""Keys, digests and ciphers of SNMPv3's user-based security (RFC 3414, 3826, 7860)."""

from __future__ import annotations

import hashlib
import hmac
from functools import lru_cache

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

# protocol: (hash, octets of the digest that travel)
AUTH = {
    "MD5": ("md5", 12),
    "SHA1": ("sha1", 12),
    "SHA224": ("sha224", 16),
    "SHA256": ("sha256", 24),
    "SHA384": ("sha384", 32),
    "SHA512": ("sha512", 48),
}
PRIV = ("DES", "AES128")


class Undecipherable(ValueError):
    """Octets that this key and salt cannot have made."""


@lru_cache(maxsize=256)
def _master_key(hash_name: str, password: str) -> bytes:
    """The digest of one million octets of the password, over and over (RFC 3414 A.2)."""
    secret = password.encode()
    repeated = secret * (1_048_576 // len(secret) + 1)
    return hashlib.new(hash_name, repeated[:1_048_576], usedforsecurity=False).digest()


@lru_cache(maxsize=8192)
def localized_key(auth: str, password: str, engine_id: bytes) -> bytes:
    """The user's key at one engine; privacy keys are made with the authentication's hash."""
    hash_name = AUTH[auth][0]
    master = _master_key(hash_name, password)
    return hashlib.new(hash_name, master + engine_id + master, usedforsecurity=False).digest()


def digest_size(auth: str) -> int:
    """Octets of the authentication parameters."""
    return AUTH[auth][1]


def digest(auth: str, key: bytes, message: bytes) -> bytes:
    """The authentication parameters of a message whose own are zero."""
    hash_name, size = AUTH[auth]
    return hmac.new(key, message, hash_name).digest()[:size]


def encrypt(priv: str, key: bytes, boots: int, seconds: int, salt: bytes, plain: bytes) -> bytes:
    """A scoped PDU as it travels; `salt` is the eight octets of the privacy parameters."""
    if priv == "DES":
        plain += bytes(-len(plain) % 8)
    encryptor = _cipher(priv, key, boots, seconds, salt).encryptor()
    return encryptor.update(plain) + encryptor.finalize()


def decrypt(priv: str, key: bytes, boots: int, seconds: int, salt: bytes, secret: bytes) -> bytes:
    """The scoped PDU again, DES with its padding; raises Undecipherable."""
    if len(salt) != 8 or (priv == "DES" and len(secret) % 8):
        raise Undecipherable("privacy parameters or length do not fit")
    decryptor = _cipher(priv, key, boots, seconds, salt).decryptor()
    return decryptor.update(secret) + decryptor.finalize()


def _cipher(
    priv: str, key: bytes, boots: int, seconds: int, salt: bytes
) -> Cipher[CFB] | Cipher[modes.CBC]:
    if priv == "DES":  # RFC 3414 8.1.1: one key for all three rounds is single DES
        start = bytes(left ^ right for left, right in zip(key[8:16], salt, strict=True))
        return Cipher(TripleDES(key[:8] * 3), modes.CBC(start))
    start = boots.to_bytes(4, "big") + seconds.to_bytes(4, "big") + salt
    return Cipher(algorithms.AES128(key[:16]), CFB(start))
