"""The world that the walks ask."""

from typing import TYPE_CHECKING

import pytest

from tests.access.world import World, make
from tests.pages.conftest import isp

if TYPE_CHECKING:
    from tests.pages.conftest import Isp

__all__ = ["isp"]  # a fixture, found by its name


@pytest.fixture
def world(isp: "Isp") -> World:
    """The small ISP with everybody who asks."""
    return make(isp)
