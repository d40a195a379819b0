"""The world that the walks ask."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.access.world import World, make
from tests.pages.conftest import isp

if TYPE_CHECKING:
    from tests.pages.conftest import Isp

__all__ = ["isp"]  # a fixture, found by its name


@pytest.fixture
def world(isp: "Isp") -> Iterator[World]:
    """The small ISP with everybody who asks. What a test changes of the permissions ends with it."""
    from ispcore.accounts import matrix, scope

    matrix.forget()
    yield make(isp)
    matrix.forget()
    scope.forget_narrowed()
