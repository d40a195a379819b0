"""What `prepare` hands to the supervisor: the programs to run, as data."""

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Program:
    """One supervised program; `heartbeat` names the sign of life that it writes, if it does."""

    name: str
    command: tuple[str, ...]
    environment: dict[str, str]
    heartbeat: str = ""
    stale_after_s: float = 90


@dataclass(frozen=True, slots=True)
class Plan:
    """All programs, and the host name that the web process accepts in a request."""

    host_name: str
    programs: tuple[Program, ...]


def dump(plan: Plan) -> str:
    return json.dumps(asdict(plan))


def load(text: str) -> Plan:
    """Raises ValueError or KeyError when the text is not a plan."""
    fields = json.loads(text)
    programs = (
        Program(**{**program, "command": tuple(program["command"])})
        for program in fields["programs"]
    )
    return Plan(fields["host_name"], tuple(programs))
