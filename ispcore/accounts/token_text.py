"""What an API token looks like: a name that secret scanners find, 256 random bits, a checksum."""

import hashlib
import secrets
import string
import zlib

MARK = "ispcore_"
DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
SECRET_LENGTH = 43  # 62 ** 43 is just above 2 ** 256
CHECK_LENGTH = 6  # 62 ** 6 is above 2 ** 32
SHOWN = len(MARK) + 4


def make() -> str:
    """A new token: ispcore_, 43 characters of secret and 6 of CRC-32, all base 62."""
    secret = _base62(int.from_bytes(secrets.token_bytes(32)), SECRET_LENGTH)
    return f"{MARK}{secret}{_check(secret)}"


def is_well_formed(text: str) -> bool:
    """Whether it can be one of ours; a mistyped token is known without asking the database."""
    secret, check = text[len(MARK) : -CHECK_LENGTH], text[-CHECK_LENGTH:]
    return (
        text.startswith(MARK)
        and len(secret) == SECRET_LENGTH
        and text.isascii()
        and check == _check(secret)
    )


def digest(text: str) -> str:
    """What is stored. No salt, no slow hash: 256 random bits cannot be guessed."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def _check(secret: str) -> str:
    return _base62(zlib.crc32(secret.encode("utf-8", "replace")), CHECK_LENGTH)


def _base62(number: int, length: int) -> str:
    digits = ""
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits = DIGITS[digit] + digits
    return digits
