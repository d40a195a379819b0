"""manage.py qcluster: a job cluster, in place of django-q's command of the same name."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from ispcore.jobs import cluster


class Command(BaseCommand):
    help = (
        "Run a job cluster (which one is said by Q_CLUSTER_NAME) until it is told to stop. "
        "Example: Q_CLUSTER_NAME=collect manage.py qcluster. Exit code 0: stopped by SIGTERM or "
        "Ctrl-C; 1: one of its processes was killed, start it again."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        if not cluster.serve():
            sys.exit(1)
