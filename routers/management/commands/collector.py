"""manage.py collector: poll the routers of this node's share for ever."""

import signal
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ispcore.base.spool import InUse
from routers.operations import collector


class Command(BaseCommand):
    help = (
        "Read the traffic counters of all polled routers every COLLECT_PERIOD_S seconds until it is "
        "told to stop. Several, one on each node, share the routers. What cannot be stored because "
        "the database is away waits under var/spool. "
        "Example: manage.py collector. Exit code 0: stopped by SIGTERM or Ctrl-C; "
        "1: another collector has this node's spool, or it cannot be written."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            here = collector.open_here()
        except InUse as error:
            raise CommandError(f"{error}: one collector runs on a node") from error
        except OSError as error:
            raise CommandError(f"the spool cannot be used: {error}") from error
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: here.halt())
        here.run()
