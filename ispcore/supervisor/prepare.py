"""Everything between "start" and "running": checks, secrets, migrations, schedules, first person.

Runs as a process of its own that ends before the portal's processes start, so that Django's memory
goes with it. Prints what people should read; on its last line of work it writes the plan to the
file descriptor that the supervisor gave. Exit code 1: one line on standard error says what to mend.
"""

import argparse
import os
import re
import sys
import tempfile
import time
from pathlib import Path

from ispcore.environment import PROJECT, var_dir
from ispcore.supervisor.children import python
from ispcore.supervisor.output import announce, say
from ispcore.supervisor.plan import Plan, Program, dump

DEMO_ENVIRONMENT = {
    "ISPCORE_DEMO": "1",
    "COLLECT_PERIOD_S": "60",
    "ISPCORE_TIME_ZONE": "Asia/Dhaka",
}
WATCH_STALE_S = WEB_STALE_S = 90.0


class CannotStart(Exception):
    """The start cannot go on; the message is one line that says what to mend."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m ispcore.supervisor.prepare")
    parser.add_argument("--demo", action="store_true")
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--plan-fd", type=int, required=True)
    options = parser.parse_args()
    try:
        plan = prepare(demo=options.demo, host=options.host, port=options.port)
    except CannotStart as error:
        sys.exit(f"ispcore: {error}")
    with os.fdopen(options.plan_fd, "w") as pipe:
        pipe.write(dump(plan))


def prepare(*, demo: bool, host: str, port: int) -> Plan:
    """All steps in order. Raises CannotStart."""
    check_writable(var_dir())
    if demo:
        mark_as_demo(var_dir())
    set_up_django()
    check_databases()
    tell_of_losses()
    make_roles()
    migrate()
    synchronise_schedules()
    first_administrator()
    if demo:
        load_demo()
    elif (var_dir() / "demo.env").exists():
        say("this portal holds a demo: start it with --demo, or end it: manage.py demo --remove")
    hint_at_names(host)
    return Plan(host_name(), tuple(programs(demo=demo, host=host, port=port)))


def check_writable(directory: Path) -> None:
    """Raises CannotStart unless files can be made in `directory` (made itself where missing)."""
    try:
        directory.mkdir(mode=0o750, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            (directory / "static").mkdir(exist_ok=True)  # whitenoise complains without it
    except OSError as error:
        raise CannotStart(
            f"cannot write in {directory}: {error.strerror}. Make it writable for this user, "
            "or name another place in ISPCORE_VAR"
        ) from error


def mark_as_demo(directory: Path) -> None:
    """The settings of a demo, for every process that starts on this var/ from now on."""
    lines = [f"{name}={value}\n" for name, value in DEMO_ENVIRONMENT.items()]
    (directory / "demo.env").write_text("".join(lines))


def set_up_django() -> None:
    import django
    from django.core.exceptions import ImproperlyConfigured

    from ispcore.firstrun import FirstRunError, ensure_secrets

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ispcore.settings")
    os.environ["ISPCORE_PROCESS"] = "command"
    try:
        ensure_secrets()
        django.setup()
    except (FirstRunError, ImproperlyConfigured) as error:
        raise CannotStart(without_password(str(error))) from error


def check_databases() -> None:
    from django.core.exceptions import ImproperlyConfigured
    from django.db import Error, connections

    variables = {"default": "DATABASE_URL", "radius": "RADIUS_DATABASE_URL"}
    for alias, variable in variables.items():
        try:
            connections[alias].ensure_connection()
        except (Error, ImproperlyConfigured, ImportError) as error:
            reason = " ".join(str(error).split())
            raise CannotStart(
                f"the database of {variable} does not answer: {_address(alias)}: "
                f"{without_password(reason)}"
            ) from error


def tell_of_losses() -> None:
    """Settings with which a database loses what it has acknowledged; the portal runs all the same."""
    from django.db import connections

    from ispcore.base import durability

    for alias in connections:
        for each in durability.unsafe(alias):
            say(f"not safe: {each.words}. Set it to {each.setting.wanted}")


def make_roles() -> None:
    """The roles that PostgreSQL keeps tenants apart in; where they are missing the portal runs."""
    from ispcore.base.rls import roles

    if roles.ensure():
        roles.adopt()
    else:
        say(
            "PostgreSQL does not keep tenants apart by itself, the portal alone does: its roles are "
            "missing. As a superuser: manage.py database_roles | sudo -u postgres psql; then restart"
        )


def migrate() -> None:
    """Apply what is missing in both databases; says something only if it did something. Raises
    CannotStart where another version made the tables, so that ours do not fit on them."""
    from django.core.management import call_command
    from django.db import Error, connections
    from django.db.migrations.exceptions import InconsistentMigrationHistory

    from ispcore.base.rls import identity, upkeep

    started_at, done = time.monotonic(), []
    with identity.as_owner():  # whose the tables are, before anybody was given a right
        missing = {alias: missing_migrations(alias) for alias in connections}
    for alias, count in missing.items():
        app = [] if alias == "default" else [alias]
        if not count:
            continue
        try:
            call_command("migrate", *app, database=alias, interactive=False, verbosity=0)
        except (Error, InconsistentMigrationHistory) as error:
            reason = without_password(" ".join(str(error).split()).rstrip("."))
            raise CannotStart(_does_not_fit(alias, reason)) from error
        done.append(f"{count} to {alias}")
    if done:
        took_s = time.monotonic() - started_at
        say(f"migrations applied: {', '.join(done)} ({took_s:.1f} s)")
    if changed := upkeep.sync():
        say(f"walls between tenants: {changed} rights and policies changed")


def missing_migrations(alias: str) -> int:
    """How many are to be applied. Raises CannotStart, before any is, on a database that another line
    of versions has made; one that is only newer may do."""
    from ispcore.health import unapplied, unknown_migrations

    missing, unknown = unapplied(alias), unknown_migrations(alias)
    if unknown and missing:
        named = ", ".join(unknown[:3])
        raise CannotStart(_does_not_fit(alias, f"it has {named}, which this version does not know"))
    if unknown:
        say(f"a newer version than this has made the tables of {_address(alias)} ({unknown[-1]})")
    return missing


def _does_not_fit(alias: str, reason: str) -> str:
    """What to do with a database of another version."""
    return (
        f"the tables in {_address(alias)} are of another version of the portal, and cannot be "
        f"brought to this one: {reason}. Start the version that made them, or restore a backup of "
        "this one; for a demo, name an empty directory in ISPCORE_VAR"
    )


def synchronise_schedules() -> None:
    from ispcore import schedules

    try:
        done = schedules.sync()
    except (ImportError, schedules.NotWholeMinutes) as error:
        raise CannotStart(f"schedules: {error}") from error
    if done:
        say(f"schedules: {', '.join(done)}")
    schedules.start_now()


def first_administrator() -> None:
    """Make one where there is none, and show the generated password this once."""
    from django.core.exceptions import ValidationError

    from ispcore.accounts.models import Account
    from ispcore.accounts.operations import accounts
    from ispcore.accounts.roles import Role
    from ispcore.base.audit import Actor

    if Account.objects.filter(role=Role.SUPER_USER).exists():
        return
    password = accounts.generate_password()
    try:
        accounts.create("admin", role=Role.SUPER_USER, password=password, by=Actor("first start"))
    except ValidationError as error:
        raise CannotStart(
            f"no super user, and none could be made: {'; '.join(error.messages)} "
            "Try manage.py create_admin --username NAME"
        ) from error
    rule = "=" * 66
    announce(
        f"\n{rule}\n  The first administrator of this portal\n\n    user name  admin\n"
        f"    password   {password}\n\n  Shown this once, stored nowhere in clear. Change it after "
        f"the\n  first login.\n{rule}\n"
    )


def hint_at_names(host: str) -> None:
    """Listening for others is not enough: Django answers only to the names in ALLOWED_HOSTS."""
    from django.conf import settings

    ours = {"localhost", "127.0.0.1", "::1", "[::1]"}
    if host not in ours and set(settings.ALLOWED_HOSTS) <= ours:
        say("only localhost may be asked for: name others in PUBLIC_URL or ALLOWED_HOSTS")


def load_demo() -> None:
    from django.core.management import CommandError, call_command

    try:
        call_command("demo", load=True)
    except CommandError as error:
        raise CannotStart(f"demo: {error}") from error


def programs(*, demo: bool, host: str, port: int) -> list[Program]:
    """What runs: web, the job clusters, watch, and in a demo its network.

    Django's checks are skipped there: they load every page and view, 15 MB in each process.
    """
    from django.conf import settings

    from ispcore import schedules
    from routers.operations import collector

    manage = str(PROJECT / "manage.py")
    listed = [
        Program(
            "web",
            python("-m", "ispcore.web", "--host", host, "--port", str(port)),
            {"ISPCORE_PROCESS": "web"},
            heartbeat="web",
            stale_after_s=WEB_STALE_S,
        )
    ]
    for cluster in schedules.clusters():
        name = schedules.heartbeat_name(cluster)
        listed.append(
            Program(
                "jobs" if settings.EMBEDDED else name,
                python(manage, "qcluster", "--skip-checks"),
                {"ISPCORE_PROCESS": "worker", "Q_CLUSTER_NAME": cluster},
                heartbeat=name,
                stale_after_s=schedules.stale_after_s(cluster),
            )
        )
    listed.append(_daemon("collector", stale_after_s=collector.STALE_S))
    listed.append(_daemon("watch", stale_after_s=WATCH_STALE_S))
    return listed + (_lab() if demo else [])


def _daemon(name: str, *, stale_after_s: float) -> Program:
    """`manage.py NAME`, which runs for ever and shows its life under the same name."""
    command = python(str(PROJECT / "manage.py"), name, "--skip-checks")
    return Program(name, command, {"ISPCORE_PROCESS": name}, name, stale_after_s)


def host_name() -> str:
    """A name that ALLOWED_HOSTS lets pass, for our own questions to the web process."""
    from django.conf import settings

    first = next(iter(settings.ALLOWED_HOSTS), "localhost")
    return "localhost" if first == "*" else first.lstrip(".")


def without_password(text: str) -> str:
    """`text` with the passwords of all URLs in it replaced."""
    return re.sub(r"(\w+://[^\s:/@]*):[^\s@]*@", r"\1:***@", text)


def _lab() -> list[Program]:
    from ispcore import demo

    return [Program(name, tuple(command), {}) for name, command in demo.processes()]


def _address(alias: str) -> str:
    from django.db import connections

    config = connections[alias].settings_dict
    if not config["HOST"]:
        return str(config["NAME"])
    port = f":{config['PORT']}" if config["PORT"] else ""
    return f"{config['USER']}@{config['HOST']}{port}/{config['NAME']}"


if __name__ == "__main__":
    main()
