"""A configuration file says what Python says, and the README what the lab can do."""

import dataclasses
import json
from pathlib import Path

from lab.spec import V3User, network_from_dict
from lab.verbs import VERBS
from tests.lab.conftest import two_vlans

README = Path(__file__).parents[2] / "lab" / "README.md"


def test_a_spec_survives_json() -> None:
    spec = two_vlans(v3_users=(V3User("noc", "SHA1", "password-one"),), api_tls_port=0)
    text = json.dumps({"routers": [dataclasses.asdict(spec)]})
    assert network_from_dict(json.loads(text)) == [spec]


def test_the_readme_tells_every_verb() -> None:
    text = README.read_text("utf-8")
    assert [name for name in VERBS if f"`{name}" not in text] == []


def test_the_network_of_the_readme_is_one() -> None:
    text = README.read_text("utf-8")
    example = text.split("```json\n")[1].split("```")[0]
    (spec,) = network_from_dict(json.loads(example))
    assert spec.vlans[0].profile is not None
