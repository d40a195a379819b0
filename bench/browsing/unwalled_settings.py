"""The portal's settings without row-level security: Django's own engine, which tells PostgreSQL
nothing, for a login that no policy binds (given in DATABASE_URL)."""

from ispcore.settings import *  # noqa: F403
from ispcore.settings import DATABASES

DATABASES["default"]["ENGINE"] = "django.db.backends.postgresql"
