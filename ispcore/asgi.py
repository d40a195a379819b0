"""The ASGI application: pages over HTTP, live events over one WebSocket."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ispcore.settings")
pages = get_asgi_application()  # sets Django up: what follows needs it

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.sessions import CookieMiddleware  # noqa: E402
from django.conf import settings  # noqa: E402
from django.urls import path  # noqa: E402

from ispcore.base.proxies import TrustedProxies  # noqa: E402
from ispcore.live.consumer import LiveConsumer  # noqa: E402

sockets = CookieMiddleware(URLRouter([path("live/", LiveConsumer.as_asgi())]))
application = TrustedProxies(
    ProtocolTypeRouter({"http": pages, "websocket": sockets}), settings.TRUSTED_PROXIES
)
