"""Names and descriptions as devices send them, made safe to show and to compare."""

import unicodedata

REPLACEMENT = "\ufffd"
# Joiners are ordinary letters of Bangla, Persian and other scripts; every other format character
# (direction overrides, byte order mark) can only mislead the reader.
_JOINERS = "\u200c\u200d"
_UNSHOWABLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def printable(raw: bytes) -> str:
    """Decode UTF-8, bad bytes replaced by U+FFFD, then `visible`. NULs at the end, which some
    agents count as part of a string, are dropped."""
    return visible(raw.rstrip(b"\0").decode("utf-8", errors="replace"))


def visible(text: str) -> str:
    """`text` without control and format characters: C0 controls and DEL become their visible
    pictures (U+2400 block: line feed is ␊), all others U+FFFD. Length in characters is kept."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_visible(char) for char in text)


def _visible(char: str) -> str:
    code = ord(char)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    if char not in _JOINERS and unicodedata.category(char) in _UNSHOWABLE:
        return REPLACEMENT
    return char


def unique_names(names: dict[int, str]) -> dict[int, str]:
    """The same names by index, those borne by several made distinct: `wan (index 3)`."""
    while len(set(names.values())) < len(names):
        bearers: dict[str, int] = {}
        for name in names.values():
            bearers[name] = bearers.get(name, 0) + 1
        names = {
            index: f"{name}{suffix(index)}" if bearers[name] > 1 else name
            for index, name in names.items()
        }
    return names


def suffix(index: int) -> str:
    """What `unique_names` appends."""
    return f" (index {index})"
