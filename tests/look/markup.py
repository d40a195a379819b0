"""Reads a page as a screen reader would, and lists what it could not say."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"}
SILENT_INPUTS = {"hidden", "submit", "button", "image", "reset"}


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    parent: "Element | None" = None
    children: list["Element"] = field(default_factory=list)
    text: str = ""

    def __iter__(self) -> Iterator["Element"]:
        """This element and all in it, in order."""
        yield self
        for child in self.children:
            yield from child

    def all(self, *tags: str) -> list["Element"]:
        return [each for each in self if each.tag in tags]

    def ancestors(self) -> Iterator["Element"]:
        each = self.parent
        while each is not None:
            yield each
            each = each.parent

    def get(self, name: str) -> str:
        return self.attributes.get(name, "")

    def words(self) -> str:
        """What is read aloud of it: its text without what is hidden from readers."""
        if self.get("aria-hidden") == "true":
            return ""
        parts = [self.get("aria-label"), self.text, *(child.words() for child in self.children)]
        if self.tag == "img":
            parts.append(self.get("alt"))
        return " ".join(part.strip() for part in parts if part.strip())

    def __str__(self) -> str:
        shown = " ".join(f'{name}="{value}"' for name, value in self.attributes.items())
        return f"<{self.tag} {shown}>"[:120]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Element("", {})
        self._at = self.root

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        element = Element(tag, attributes, self._at)
        self._at.children.append(element)
        if tag not in VOID:
            self._at = element

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        at = self._at
        self.handle_starttag(tag, attrs)
        self._at = at

    def handle_endtag(self, tag: str) -> None:
        for each in (self._at, *self._at.ancestors()):
            if each.tag == tag and each.parent is not None:
                self._at = each.parent
                return

    def handle_data(self, data: str) -> None:
        self._at.text += data


def read(html: str) -> Element:
    reader = _Reader()
    reader.feed(html)
    return reader.root


def faults(html: str) -> list[str]:
    """What is wrong with a page, one line each."""
    page = read(html)
    return [*_frame(page), *_fields(page), *_names(page), *_tables(page), *_live(page)]


def _frame(page: Element) -> Iterator[str]:
    if not any(each.get("lang") for each in page.all("html")):
        yield "the page has no language"
    if len(page.all("h1")) != 1:
        yield f"the page has {len(page.all('h1'))} h1"
    if not any(each.words() for each in page.all("title")):
        yield "the page has no title"
    ids = Counter(each.get("id") for each in page if each.get("id"))
    yield from (f"{count} elements have the id {name}" for name, count in ids.items() if count > 1)


def _fields(page: Element) -> Iterator[str]:
    labelled = {each.get("for") for each in page.all("label")}
    for each in page.all("input", "select", "textarea"):
        if each.get("type") in SILENT_INPUTS:
            continue
        inside = any(parent.tag == "label" for parent in each.ancestors())
        named = each.get("aria-label") or each.get("aria-labelledby") or each.get("title")
        if not (inside or named or each.get("id") in labelled):
            yield f"a field without a label: {each}"


def _names(page: Element) -> Iterator[str]:
    for each in page.all("a", "button", "summary"):
        if (each.tag != "a" or each.get("href")) and not (each.words() or each.get("title")):
            yield f"nothing to read on {each}"
    for each in page.all("img"):
        if "alt" not in each.attributes:
            yield f"a picture without words: {each}"
    for each in page.all("svg"):
        drawn_for_readers = each.get("role") == "img" and each.get("aria-label")
        if not (each.get("aria-hidden") == "true" or drawn_for_readers or "base-svgs" in str(each)):
            yield f"a drawing without words: {each}"


def _tables(page: Element) -> Iterator[str]:
    for each in page.all("table"):
        if not each.all("th"):
            yield f"a table without heads: {each}"
        if "list" in each.get("class").split() and not each.all("caption"):
            yield f"a table without a caption: {each}"


def _live(page: Element) -> Iterator[str]:
    for each in page:
        homes = (parent for parent in each.ancestors() if "data-topic" in parent.attributes)
        if "data-live" in each.attributes and next(homes, None) is None:
            yield f"a live spot that belongs to no topic: {each}"
