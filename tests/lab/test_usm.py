"""SNMPv3's keys and ciphers against the vectors of RFC 3414, and the agent's judgement."""

import pytest

from lab.spec import BadSpec, RouterSpec, V3User
from lab.usm_crypto import Undecipherable, decrypt, encrypt, localized_key

ENGINE = bytes.fromhex("000000000000000000000002")
KEY = bytes(range(32))


@pytest.mark.parametrize(
    ("auth", "key"),
    [
        ("MD5", "526f5eed9fcce26f8964c2930787d82b"),  # RFC 3414 A.3.1
        ("SHA1", "6695febc9288e36282235fc7151f128497b38f3f"),  # RFC 3414 A.3.2
    ],
)
def test_a_password_becomes_the_key_of_the_rfc(auth: str, key: str) -> None:
    assert localized_key(auth, "maplesyrup", ENGINE).hex() == key


@pytest.mark.parametrize("priv", ["DES", "AES128"])
@pytest.mark.parametrize("size", [0, 1, 8, 15, 100])
def test_what_is_encrypted_comes_back(priv: str, size: int) -> None:
    plain = bytes(range(size))
    secret = encrypt(priv, KEY, 3, 4711, b"saltsalt", plain)
    assert decrypt(priv, KEY, 3, 4711, b"saltsalt", secret)[:size] == plain
    assert size == 0 or secret != plain


def test_a_salt_of_the_wrong_length_is_undecipherable() -> None:
    with pytest.raises(Undecipherable):
        decrypt("AES128", KEY, 1, 1, b"short", b"octets")


def test_unknown_protocols_are_refused_in_the_spec() -> None:
    with pytest.raises(BadSpec, match="unknown protocol"):
        RouterSpec("r", v3_users=(V3User("u", "SHA9", "x"),)).check()
    with pytest.raises(BadSpec, match="priv needs auth"):
        RouterSpec("r", v3_users=(V3User("u", priv="DES", priv_password="x"),)).check()
