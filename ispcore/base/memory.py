"""The garbage collector of Python, kept out of bursts of work."""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_bursts = 0


@contextmanager
def without_gc() -> Iterator[None]:
    """No search for circles of objects meanwhile, and one afterwards.

    It is started by the number of objects that are made, and looks at all that there are: a burst
    that makes some hundred thousand and drops them again pays it over and over, for nothing.
    Several threads may be in bursts at the same time.
    """
    global _bursts  # noqa: PLW0603 - one collector for the process
    with _lock:
        _bursts += 1
        gc.disable()
    try:
        yield
    finally:
        with _lock:
            _bursts -= 1
            if not _bursts:
                gc.enable()
