"""A pytest plugin, loaded first where coverage is measured: python -m pytest -p tests.harness.measuring

Slipcover marks lines and branches in the bytecode and takes each mark away when it was hit, which
costs a third of what a tracer does. Its own way to start (-m slipcover) takes the imports of tests
too, which pytest wants for itself.
"""

import json
import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

import pytest
from slipcover import Slipcover
from slipcover.importer import SlipcoverLoader

RESULT = "ISPCORE_TEST_COVERAGE"  # the environment variable that says where to leave what was found
SOURCES = (
    "ispcore",
    "dashboards",
    "resellers",
    "routers",
    "monitoring",
    "radius",
    "subscribers",
    "lab",
)


class _Ours(MetaPathFinder):
    """Marks the modules of the product as they are imported."""

    def __init__(self, measured: Slipcover) -> None:
        self._measured = measured

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name.partition(".")[0] not in SOURCES or ".migrations" in name:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None and spec.origin is not None:
            spec.loader = SlipcoverLoader(self._measured, spec.loader, spec.origin)
        return spec


_measured = Slipcover(branch=True, source=[*SOURCES], omit=["*/migrations/*"])
sys.meta_path.insert(0, _Ours(_measured))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish() -> None:
    Path(os.environ[RESULT]).write_text(json.dumps(_measured.get_coverage()))
