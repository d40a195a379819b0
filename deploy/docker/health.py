"""The health check of the web container: exit code 0 while /health/ answers 200."""

import os
import sys
import urllib.error
import urllib.request
from urllib.parse import urlsplit

TIMEOUT_S = 8
DEFAULT_PORT = 8000


def host() -> str:
    """A host name that the portal accepts: the first of ALLOWED_HOSTS, else PUBLIC_URL's."""
    first = os.environ.get("ALLOWED_HOSTS", "").split(",")[0].strip().lstrip(".")
    if first and first != "*":
        return first
    return urlsplit(os.environ.get("PUBLIC_URL", "")).hostname or "localhost"


def main(port: int) -> int:
    request = urllib.request.Request(f"http://127.0.0.1:{port}/health/", headers={"Host": host()})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310 - as above
            sys.stdout.write(f"{answer.status}\n")
            return 0 if answer.status == 200 else 1
    except (urllib.error.URLError, OSError) as error:
        sys.stdout.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_PORT))
