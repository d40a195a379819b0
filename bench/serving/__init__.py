"""The portal's web process, as benchmarks start it."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
PYTHON = sys.executable
START_S = 60.0


class Web:
    """`python -m ispcore.web` on a free port; `environment` goes before this process's own."""

    def __init__(self, var: Path, environment: Mapping[str, str] | None = None) -> None:
        from tests.harness.processes import free_port

        self.port = free_port()
        command = [PYTHON, "-m", "ispcore.web", "--port", str(self.port)]
        env = os.environ | {"ISPCORE_PROCESS": "web"} | dict(environment or {})
        self._log = (var / f"web-{self.port}.log").open("wb")
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            command, cwd=PROJECT, env=env, stdout=self._log, stderr=subprocess.STDOUT
        )
        await_port(self.port)

    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(20)
        self._log.close()


def await_port(port: int) -> None:
    import socket

    ends_at = time.monotonic() + START_S
    while time.monotonic() < ends_at:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit(f"nobody listens on port {port}")
