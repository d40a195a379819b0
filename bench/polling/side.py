"""The benchmark's end of a side: start it, ask it, end it."""

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from lab.fleet.testing import PROJECT


class SideFailed(Exception):
    """A side ended before it answered; the message is the end of what it said."""


class Side:
    """`python -m module arguments` as a context manager; its stderr goes into `log`."""

    def __init__(self, module: str, *arguments: str, log: Path, **environment: str) -> None:
        self.module, self.log = module, log
        with log.open("ab") as errors:
            self._process = subprocess.Popen(  # noqa: S603  (our own interpreter and module)
                [sys.executable, "-m", module, *arguments],
                cwd=PROJECT,
                env=os.environ | environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )

    def ask(self, verb: str, **given: Any) -> dict[str, Any]:
        """Raises SideFailed."""
        stdin, stdout = self._process.stdin, self._process.stdout
        line = ""
        if stdin and stdout:
            with contextlib.suppress(BrokenPipeError):
                stdin.write(json.dumps({"do": verb, **given}) + "\n")
                stdin.flush()
                line = stdout.readline()
        if not line:
            said = self.log.read_text(errors="replace")[-2000:]
            raise SideFailed(f"{self.module}: {verb}: {said}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.communicate()
