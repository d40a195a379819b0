"""What import-linter cannot see of the design: files, sizes, foreign keys named by strings."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from django.apps import apps

PROJECT = Path(__file__).resolve().parents[2]
MOST_LINES = 400
# from the ground up; a foreign key points down or stays within its app
FLOORS = {
    "base": 1,
    "accounts": 1,
    "live": 1,
    "monitoring": 2,
    "radius": 3,
    "routers": 4,
    "resellers": 5,
    "subscribers": 5,
    "dashboards": 8,
    "demo": 9,
}
APPS = ("dashboards", "resellers", "subscribers", "routers", "radius", "monitoring")
FILES = {
    *("__init__.py", "apps.py", "models.py", "models", "queries.py", "queries", "operations"),
    *("admin.py", "admin", "api.py", "tasks.py", "live.py", "panels.py", "panels", "management"),
    *("migrations", "templates", "static", "templatetags", "checks.py", "hooks.py", "urls.py"),
    *("forms.py", "forms", "pages.py", "pages"),  # what several surfaces of an app share
}
# each with the reason why none of the names above fits
OWN_FILES = {
    # the site is the admin itself; others are the parts of its first page, and its search; the site
    # of a tenant's people, and who is led to which
    "dashboards": {
        *("site.py", "overview.py", "fleet.py", "news.py", "search.py"),
        *("my", "doors.py"),
    },
    # a router's row as the protocols want it, read by operations; pure: what flapping is, and how
    # counters are packed
    "routers": {"targets.py", "flapping.py", "counter_states.py"},
    "resellers": {"usage_queries"},  # the series; queries.py has the rest
    # pure: the grammar of Mikrotik-Rate-Limit, periods, and rows as FreeRADIUS should have them; what
    # writes these
    "subscribers": {"rate_limit.py", "validity.py", "projection.py", "projector.py"},
    # FreeRADIUS' own form of its tables, rows of names replaced and summed up, and (pure) what may
    # stand in them
    "radius": {"schema.py", "rows.py", "attributes.py"},
    "monitoring": {"thresholds.py"},  # pure: judges a value, no database
}


def python_files() -> Iterator[Path]:
    for top in (*APPS, "ispcore", "lab", "tests", "bench"):
        for path in sorted((PROJECT / top).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path


def test_modules_fit_the_head() -> None:
    long = {
        str(path.relative_to(PROJECT)): lines
        for path in python_files()
        if (lines := len(path.read_text().splitlines())) > MOST_LINES
    }
    assert not long, f"split these (lines): {long}"


def test_apps_have_the_same_files() -> None:
    strange = [
        f"{app}/{path.name}"
        for app in APPS
        for path in sorted((PROJECT / app).iterdir())
        if path.name != "__pycache__" and path.name not in FILES | OWN_FILES.get(app, set())
    ]
    assert not strange, "name these as the other apps do, or give the reason in OWN_FILES"


def test_foreign_keys_point_down() -> None:
    up = [
        f"{model._meta.label}.{field.name} -> {field.related_model._meta.label}"
        for model in apps.get_models()
        if (own := FLOORS.get(model._meta.app_label)) is not None
        for field in model._meta.get_fields()
        if field.concrete and field.is_relation and field.related_model is not None
        if FLOORS.get(field.related_model._meta.app_label, 0) > own
    ]
    assert not up


def test_no_relation_crosses_the_two_databases() -> None:
    crossing = [
        f"{model._meta.label}.{field.name}"
        for model in apps.get_models()
        for field in model._meta.get_fields()
        if field.is_relation and field.related_model is not None
        if (model._meta.app_label == "radius") != (field.related_model._meta.app_label == "radius")
    ]
    assert not crossing


def test_every_app_of_ours_has_a_floor() -> None:
    ours = {
        config.label
        for config in apps.get_app_configs()
        if Path(config.path).is_relative_to(PROJECT) and ".venv" not in Path(config.path).parts
    }
    roof = {"portal"}  # ispcore itself: commands and checks, no models
    assert ours - roof <= FLOORS.keys()


def test_every_module_of_the_root_package_is_in_the_import_contract() -> None:
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["importlinter"]
    layers = " ".join(settings["contracts"][0]["layers"])
    modules = {
        path.stem
        for path in (PROJECT / "ispcore").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    } - {"__init__"}
    assert modules <= set(re.findall(r"ispcore\.(\w+)", layers))


def test_only_operations_open_transactions() -> None:
    """The platform's own tables and the list of jobs have no operations around them."""
    own = {
        "ispcore/base/audit_retention.py",
        *("ispcore/base/leases.py", "ispcore/base/secrets.py", "ispcore/schedules.py"),
        *("ispcore/base/timeseries/store.py", "ispcore/base/timeseries/rollups.py"),
        *("ispcore/base/timeseries/partitions.py", "ispcore/base/timeseries/retention.py"),
        *("ispcore/base/rls/roles.py", "ispcore/base/rls/upkeep.py"),
        # what operations are run in, and what finishes them
        *("ispcore/base/unit_of_work/unit.py", "ispcore/base/unit_of_work/recovery.py"),
    }
    opened = {
        str(path.relative_to(PROJECT))
        for path in python_files()
        if "transaction.atomic" in path.read_text()
        if path.relative_to(PROJECT).parts[0] not in {"tests", "bench", "lab"}
        if not {"operations", "operations.py"} & set(path.parts)
    }
    assert opened == own


def test_the_time_is_asked_of_the_clock_only() -> None:
    asked = re.compile(r"datetime\.now\(|timezone\.now\(|date\.today\(|utcnow\(")
    assert [
        str(path.relative_to(PROJECT))
        for path in python_files()
        if path.relative_to(PROJECT).parts[0] not in {"tests", "bench", "lab"}
        if asked.search(path.read_text())
    ] == ["ispcore/base/clock.py"]


def test_we_have_no_django_signals_of_our_own() -> None:
    senders = re.compile(
        r"^\s*@receiver\b|\bSignal\(\)|\b(pre|post)_(save|delete)\.connect", re.MULTILINE
    )
    assert not [
        str(path.relative_to(PROJECT))
        for path in python_files()
        if "tests" not in path.parts and senders.search(path.read_text())
    ]


def test_templates_have_no_inline_script_or_style() -> None:
    inline = re.compile(
        r"<script(?![^>]*\bsrc=)(?![^>]*type=.application/json)|\sstyle=|\son[a-z]+=|<style"
    )
    pages = [path for top in ("templates", *APPS) for path in (PROJECT / top).rglob("*.html")]
    assert not [str(path.relative_to(PROJECT)) for path in pages if inline.search(path.read_text())]


def test_only_the_collector_loads_numpy() -> None:
    """It takes 20 MB, and there are many processes that serve pages and do jobs."""
    code = (
        "import sys, django; django.setup(); "
        "import ispcore.urls, routers.tasks, resellers.tasks; assert 'numpy' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
