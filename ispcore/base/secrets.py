"""Secrets at rest: encrypted columns (Fernet, several keys), and their rotation."""

from base64 import b64decode
from binascii import a2b_base64
from collections.abc import Iterator, Sequence
from functools import lru_cache
from hmac import compare_digest, digest
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB
from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models, transaction

from ispcore.base.units import format_names

DUMPED = "encrypted:"  # before a secret in a dump
MOST_NAMED = 5
LONG = 4_096  # what is longer is no password, and not worth remembering
HEAD, BLOCK, SIGNATURE = 25, 16, 32  # octets of a Fernet token; its head ends with the IV
_ALPHABET = bytes.maketrans(b"-_", b"+/")


class SecretUnreadable(Exception):
    """A stored secret was made with a key that is no longer in FIELD_ENCRYPTION_KEYS."""


class Sealed(str):
    """In place of a secret that no key opens: empty, and stored again as it was."""

    token: str

    def __new__(cls, token: str) -> "Sealed":
        made = super().__new__(cls, "")
        made.token = token
        return made


@lru_cache(maxsize=4)
def _cipher(keys: tuple[str, ...]) -> MultiFernet:
    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError as error:
        raise ImproperlyConfigured(
            "FIELD_ENCRYPTION_KEYS: each key is 32 bytes in URL-safe base64"
        ) from error


def cipher() -> MultiFernet:
    return _cipher(tuple(key for key in settings.FIELD_ENCRYPTION_KEYS if key))


def encrypt(text: str) -> str:
    return cipher().encrypt(text.encode()).decode("ascii") if text else ""


def decrypt(token: str) -> str:
    """Raises SecretUnreadable when no key fits."""
    return (
        _opened(token, tuple(settings.FIELD_ENCRYPTION_KEYS)) if len(token) < LONG else _open(token)
    )


def decrypt_all(tokens: Sequence[str]) -> list[str | None]:
    """As `decrypt` of each: several times as quick, of so many that it would be vain to remember
    them.

    What the newest key signed is opened all together (github.com/fernet/spec: version, time, IV,
    AES-128-CBC, HMAC-SHA256); the library opens what is left. What no key opens is None.
    """
    newest = b64decode(next(filter(None, settings.FIELD_ENCRYPTION_KEYS), ""), altchars=b"-_")
    signing, encrypting = newest[:16], newest[16:]
    sealed = [_verified(token, signing) for token in tokens]
    clear = iter(_opened_together(list(filter(None, sealed)), encrypting))
    return [
        next(clear) if body else _open_or_none(token)
        for token, body in zip(tokens, sealed, strict=True)
    ]


def _verified(token: str, signing: bytes) -> bytes:
    """The token without its signature; empty where that is not by this key."""
    try:
        octets = a2b_base64(token.encode("ascii").translate(_ALPHABET))
    except ValueError:
        return b""
    body, signature = octets[:-SIGNATURE], octets[-SIGNATURE:]
    is_ours = body[:1] == b"\x80" and compare_digest(digest(signing, body, "sha256"), signature)
    return body if is_ours else b""


def _opened_together(sealed: Sequence[bytes], key: bytes) -> Iterator[str]:
    """In CBC a block is its decryption, XOR the block before it: one call decrypts them all."""
    if not sealed:
        return
    aes = Cipher(AES(key), ECB()).decryptor()  # noqa: S305 - the chaining is undone below
    blocks = aes.update(b"".join([body[HEAD:] for body in sealed]))
    before = b"".join([body[HEAD - BLOCK : -BLOCK] for body in sealed])
    clear = (int.from_bytes(blocks) ^ int.from_bytes(before)).to_bytes(len(blocks))
    start = 0
    for body in sealed:
        end = start + len(body) - HEAD
        yield clear[start : end - clear[end - 1]].decode()
        start = end


@lru_cache(maxsize=20_000)
def _opened(token: str, keys: tuple[str, ...]) -> str:
    """Remembered: a fleet's credentials are read with every collection."""
    return _open(token)


def _open(token: str) -> str:
    if not token:
        return ""
    try:
        return cipher().decrypt(token.encode("ascii")).decode()
    except (InvalidToken, UnicodeEncodeError) as error:
        raise SecretUnreadable("no key in FIELD_ENCRYPTION_KEYS opens this secret") from error


def _open_or_none(token: str) -> str | None:
    try:
        return _open(token)
    except SecretUnreadable:
        return None


class SecretField(models.TextField):  # type: ignore[type-arg]
    """Text that is clear in Python and encrypted in the database; it cannot be searched.

    With `may_be_sealed` a secret that no key opens is Sealed in Python, where a row is worth more than
    its secret: whoever uses it has to ask for that.
    """

    def __init__(self, *args: Any, may_be_sealed: bool = False, **kwargs: Any) -> None:
        """`may_be_sealed` is no matter of the database, and stands in no migration."""
        super().__init__(*args, **kwargs)
        self.may_be_sealed = may_be_sealed

    def get_prep_value(self, value: Any) -> Any:
        if isinstance(value, Sealed):
            return value.token
        text = super().get_prep_value(value)
        return text if text is None else encrypt(text)

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> str | None:
        """Raises SecretUnreadable, which names the table and column."""
        try:
            return value if value is None else decrypt(value)
        except SecretUnreadable as error:
            if self.may_be_sealed and value is not None:
                return Sealed(value)
            where = f"{self.model._meta.db_table}.{self.column}"
            raise SecretUnreadable(f"{where}: {error}") from error

    def clean(self, value: Any, model_instance: models.Model | None) -> Any:
        """What is sealed was judged when it was set."""
        return value if isinstance(value, Sealed) else super().clean(value, model_instance)

    def value_to_string(self, obj: models.Model) -> str:
        """How dumpdata writes it: encrypted, so that a dump tells no secret."""
        text = self.value_from_object(obj)
        if isinstance(text, Sealed):
            return f"{DUMPED}{text.token}"
        return f"{DUMPED}{encrypt(text)}" if text else ""

    def to_python(self, value: Any) -> Any:
        """Also from a dump (loaddata); what no key opens stays as it is."""
        text = super().to_python(value)
        if not isinstance(text, str) or not text.startswith(DUMPED):
            return text
        try:
            return decrypt(text.removeprefix(DUMPED))
        except SecretUnreadable:
            return text

    def get_lookup(self, lookup_name: str) -> Any:
        if lookup_name not in {"exact", "isnull"}:
            raise TypeError(f"{self.name} is encrypted and cannot be searched by {lookup_name}")
        return super().get_lookup(lookup_name)


def secret_fields() -> Iterator[tuple[type[models.Model], list[str]]]:
    """Every model with its encrypted fields."""
    for model in apps.get_models():
        names = [
            field.name for field in model._meta.concrete_fields if isinstance(field, SecretField)
        ]
        if names:
            yield model, names


def rotate(model: type[models.Model], names: list[str]) -> int:
    """Re-encrypt all rows of `model` with the newest key; returns the number of rows.

    Raises SecretUnreadable where one cannot be read: then all are left as they were.
    """
    manager = model._default_manager
    with transaction.atomic():
        rows = list(manager.select_for_update().only("pk", *names))
        if sealed := [
            row for row in rows for name in names if isinstance(getattr(row, name), Sealed)
        ]:
            whose = format_names([str(row) for row in sealed[:MOST_NAMED]], count=len(sealed))
            raise SecretUnreadable(f"no key in FIELD_ENCRYPTION_KEYS opens those of {whose}")
        manager.bulk_update(rows, names, batch_size=500)
    return len(rows)
