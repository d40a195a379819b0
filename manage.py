#!/usr/bin/env python3
"""Django's command line for ISPCore."""

import os
import sys

try:
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line
    from django.db import OperationalError
except ModuleNotFoundError:
    sys.exit(
        "ispcore: this Python has no Django: run script/bootstrap, then .venv/bin/python manage.py"
    )

from ispcore.firstrun import FirstRunError, ensure_secrets


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ispcore.settings")
    os.environ.setdefault("ISPCORE_PROCESS", "command")
    try:
        ensure_secrets()
    except FirstRunError as error:
        sys.exit(f"ispcore: {error}")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"ispcore: {error}")
    except OperationalError as error:
        if "--traceback" in sys.argv:
            raise
        reason = " ".join(str(error).split())
        sys.exit(f"ispcore: the database refuses: {reason} (--traceback shows where)")


if __name__ == "__main__":
    main()
