#!/usr/bin/env python3
"""Django's command line for ISPCore."""

import os
import sys

from django.core.management import execute_from_command_line

from ispcore.firstrun import FirstRunError, ensure_secrets


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ispcore.settings")
    os.environ.setdefault("ISPCORE_PROCESS", "command")
    try:
        ensure_secrets()
    except FirstRunError as error:
        sys.exit(f"ispcore: {error}")
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
