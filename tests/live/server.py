"""The web process with the test topic in it: python -m tests.live.server PORT REPEAT."""

import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ispcore.settings")

from ispcore import web

if __name__ == "__main__":
    import ispcore.asgi  # noqa: F401 - sets Django up
    from ispcore.live import topics
    from tests.live.numbers import tenant_topic

    topics.register(tenant_topic(size=int(sys.argv[2])))
    web.run("127.0.0.1", int(sys.argv[1]))
