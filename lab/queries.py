"""Query words of the RouterOS API (`?name=value`, `?#|`): a small stack machine."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

_DOT = "."
_OPERATIONS = re.compile(r"\d+|.")


class BadQuery(ValueError):
    """A query word that RouterOS would not understand."""


class _Stack:
    """A stack of truths with endless true ones under it."""

    def __init__(self) -> None:
        self.values: list[bool] = []

    def at(self, index: int) -> bool:
        return self.values[-1 - index] if index < len(self.values) else True

    def pop(self) -> bool:
        return self.values.pop() if self.values else True

    def push(self, value: bool) -> None:
        self.values.append(value)


def matches(item: Mapping[str, str], query: Iterable[str]) -> bool:
    """Whether an item passes: no false value is left on the stack. Words come without the `?`.

    Semantics: MikroTik's API page, section "Queries". Raises BadQuery.
    """
    stack = _Stack()
    for word in query:
        if word.startswith("#"):
            _operate(stack, word[1:])
        else:
            stack.push(_test(item, word))
    return all(stack.values)


def _test(item: Mapping[str, str], word: str) -> bool:
    if word.startswith("-"):
        return word[1:] not in item
    relation = word[0] if word[:1] in ("<", ">", "=") else "="
    name, given, value = word.removeprefix(relation).partition("=")
    if not given:
        return name in item
    if name not in item:
        return False
    if relation == "=":
        return _same(item[name], value)
    left, right = _ordered(item[name], value)
    return left < right if relation == "<" else left > right


def _same(left: str, right: str) -> bool:
    return left == right or {left, right} in ({"true", "yes"}, {"false", "no"})


def _ordered(left: str, right: str) -> tuple[tuple[int, str], tuple[int, str]]:
    """Numbers compare as numbers, anything else as text."""
    try:
        return (int(left), ""), (int(right), "")
    except ValueError:
        return (0, left), (0, right)


def _operate(stack: _Stack, operations: str) -> None:
    tokens = _OPERATIONS.findall(operations)
    for position, token in enumerate(tokens):
        after_index = position > 0 and tokens[position - 1].isdigit()
        if token.isdigit():
            value = stack.at(int(token))
            if position == len(tokens) - 1:
                stack.values.clear()
            stack.push(value)
        elif token != _DOT:
            _combine(stack, token)
        elif not after_index:
            stack.push(stack.at(0))


def _combine(stack: _Stack, operator: str) -> None:
    if operator == "!":
        stack.push(not stack.pop())
        return
    if operator not in "&|":
        raise BadQuery(operator)
    second, first = stack.pop(), stack.pop()
    stack.push(first and second if operator == "&" else first or second)
