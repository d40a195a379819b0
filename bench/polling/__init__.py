"""The sides of the collection benchmark, each in a process of its own: who is measured and with whom.

A side reads one JSON object per line from its input and answers with one.
"""

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

Answer = dict[str, Any]


def answer_lines(verbs: Mapping[str, Callable[..., Answer]]) -> None:
    """Serve `{"do": verb, ...}` lines until the input ends. Stray output goes to stderr."""
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        given = json.loads(line)
        answer = verbs[given.pop("do")](**given)
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
