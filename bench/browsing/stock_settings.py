"""The portal's settings with nothing but Django's own admin: its templates, its ModelAdmin."""

from ispcore.settings import *  # noqa: F403
from ispcore.settings import TEMPLATES

ROOT_URLCONF = "bench.browsing.stock"
TEMPLATES[0]["DIRS"] = []
