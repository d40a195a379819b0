"""All settings, read from the environment (see the table in README.md)."""

from datetime import timedelta
from hashlib import sha256
from socket import gethostname
from typing import Any
from urllib.parse import urlsplit

from ispcore.environment import PROJECT, Environment, var_dir
from ispcore.login_settings import *  # noqa: F403 - constants, none of them of this page

BASE_DIR = PROJECT
VAR_DIR = var_dir()
env = Environment(VAR_DIR)
env.text(
    "ISPCORE_VAR", "", "where the embedded databases and secrets live", shown="var/ of the checkout"
)

# --- the portal itself -----------------------------------------------------------------------
DEBUG = env.flag("DEBUG", "Django's debug pages; never in production")
SECRET_KEY = env.secret("SECRET_KEY", "signs sessions and forms")
FIELD_ENCRYPTION_KEYS = env.keys(
    "FIELD_ENCRYPTION_KEYS",
    "keys for secrets at rest, newest first, comma separated (then `manage.py rotate_keys`)",
)
PUBLIC_URL = env.address(
    "PUBLIC_URL", "the address people type; https:// turns on secure cookies, HSTS and redirect"
)
_public = urlsplit(PUBLIC_URL)
ALLOWED_HOSTS = env.items(
    "ALLOWED_HOSTS",
    [_public.hostname] if _public.hostname else ["localhost", "127.0.0.1", "[::1]"],
    "host names that may be asked for, comma separated",
)
TRUSTED_PROXIES = env.networks(
    "TRUSTED_PROXIES",
    "127.0.0.1,::1",
    "networks of the proxies before the portal: of these alone X-Forwarded-For and -Proto are "
    "believed",
)
DEMO = env.flag("ISPCORE_DEMO", "marks the portal as a demo (set by `script/server --demo`)")
# web, worker, collector, watch or command; decides pools and time-outs
PROCESS = env.text("ISPCORE_PROCESS", "command", "set by the supervisor and the unit files")

NODE = env.text(
    "ISPCORE_NODE",
    gethostname()[:40],
    "this host's (or container's) name: no two may share it",
    shown="its host name",
)

# --- time ------------------------------------------------------------------------------------
USE_TZ = True
TIME_ZONE = env.zone("ISPCORE_TIME_ZONE", "UTC", "the ISP's zone: days and months are cut in it")
LANGUAGE_CODE = "en-gb"
USE_I18N = True

# --- collection ------------------------------------------------------------------------------
_MINUTES = range(60, 301, 60)
COLLECT_PERIOD_S = env.integer(
    "COLLECT_PERIOD_S", 300, "seconds between two polls: whole minutes, 60 to 300", among=_MINUTES
)
WATCH_PERIOD_S = env.integer(
    "WATCH_PERIOD_S", 10, "seconds between two pings of a router", among=range(1, 301)
)
UPLINK_PROBES = env.ip_addresses(
    "UPLINK_PROBES",
    "addresses on our side of all routers, comma separated: when none answers a ping, our own "
    "uplink is gone and routers that do not answer are unknown, not down",
)
SNMP_ENGINE = env.one_of("SNMP_ENGINE", ("gufo", "easysnmp"), "gufo or easysnmp")
DEVICE_MODELS = env.text(
    "DEVICE_MODELS", "", "a TOML file with device models of your own (docs/devices.md)"
)
COLLECT_CONCURRENCY = env.integer(
    "COLLECT_CONCURRENCY", 250, "routers polled at the same time", among=range(1, 10_001)
)

SPOOL_DIR = VAR_DIR / "spool"
SPOOL_MB = env.integer(
    "SPOOL_MB",
    512,
    "disk space for readings that wait while the database is away, in MB",
    among=range(1, 1_000_001),
)

# --- how long rows are kept (docs/collection.md, audit.md, freeradius.md); sums of days: for ever
USAGE_KEEP_DAYS = env.integer(
    "USAGE_KEEP_DAYS", 400, "days that resellers' 5-minute rows are kept", among=range(70, 10_001)
)
INTERFACE_USAGE_KEEP_DAYS = env.integer(
    "INTERFACE_USAGE_KEEP_DAYS",
    7,
    "days that 5-minute rows of every interface are kept",
    among=range(1, 1_001),
)
HOURLY_KEEP_DAYS = env.integer(
    "HOURLY_KEEP_DAYS", 1096, "days that hourly sums are kept", among=range(70, 10_001)
)
LOGINS_KEEP_DAYS = env.integer(
    "LOGINS_KEEP_DAYS", 0, "days FreeRADIUS' answers are kept; 0: for ever", among=range(10_001)
)
AUDIT_KEEP_DAYS = env.integer(
    "AUDIT_KEEP_DAYS",
    1825,
    "days that entries of the audit log are kept, at least 366",
    among=range(366, 36_501),
)
TRUST_REQUEST_ID = env.flag(
    "TRUST_REQUEST_ID", "take the request id from the proxy's X-Request-ID, which it always sets"
)

# --- apps ------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "ispcore.base",
    "ispcore.accounts",
    "ispcore.live",
    "monitoring",
    "radius",
    "routers",
    "resellers",
    "subscribers",
    "dashboards",
    "ispcore.demo",
    "ispcore.apps.RoofConfig",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "dashboards.apps.PortalAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_filters",
    "django_q",
]
MIDDLEWARE = [
    "ispcore.base.middleware.RequestId",
    "ispcore.base.middleware.ContentSecurityPolicy",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "ispcore.base.middleware.DatabaseAway",
    "ispcore.accounts.middleware.ActingAccount",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "ispcore.accounts.middleware.AuditActor",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "ispcore.accounts.middleware.SessionGuard",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "ispcore.urls"
ASGI_APPLICATION = "ispcore.asgi.application"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]
STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True  # the embedded default needs no collectstatic
FORM_RENDERER = "django.forms.renderers.DjangoTemplates"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- databases -------------------------------------------------------------------------------
_STATEMENT_TIMEOUT_MS = {"web": 15_000}.get(PROCESS, 120_000)


def _sqlite(config: dict[str, Any]) -> dict[str, Any]:
    return config | {
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
        }
    }


DATABASE_ROLE = env.text(
    "DATABASE_ROLE",
    "",
    "the PostgreSQL role that this process takes (docs/production.md)",
    shown="ispcore_app for web, ispcore_worker for the others",
)


def _postgresql(config: dict[str, Any]) -> dict[str, Any]:
    config = config | {"ENGINE": "ispcore.base.postgresql"}  # says for whom each statement is
    options: dict[str, Any] = {
        "connect_timeout": 10,
        # a server that vanishes without a word is noticed within half a minute
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 30_000,
        "options": f"-c statement_timeout={_STATEMENT_TIMEOUT_MS} -c timezone=UTC"
        " -c idle_in_transaction_session_timeout=120000",
    }
    if PROCESS == "web":  # the pool does not survive the fork of the workers
        small, large = (5, 10) if DEBUG else (5, 20)
        options["pool"] = {"min_size": small, "max_size": large, "timeout": 10}
        return config | {"OPTIONS": options}
    return config | {"OPTIONS": options, "CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}


def _mysql(config: dict[str, Any]) -> dict[str, Any]:
    # a server that stands still: /health/ must say so before the supervisor thinks us dead
    answer_s = 8 if PROCESS == "web" else 120
    options = {
        "charset": "utf8mb4",
        "connect_timeout": min(answer_s, 10),
        "read_timeout": answer_s,
        "write_timeout": answer_s,
        "isolation_level": "read committed",
        # Django never sets the session's zone; rows would be read hours off (see radius/checks.py)
        "init_command": "SET time_zone='+00:00', innodb_lock_wait_timeout=5",
    }
    config = config | {"ENGINE": "ispcore.base.mysql"}  # saves round trips of each transaction
    return config | {"OPTIONS": options, "CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}


def _database(config: dict[str, Any]) -> dict[str, Any]:
    vendor = str(config["ENGINE"]).rpartition(".")[2]
    return {"sqlite3": _sqlite, "postgresql": _postgresql, "mysql": _mysql}[vendor](config)


DATABASES = {
    "default": _database(
        env.database(
            "DATABASE_URL",
            f"sqlite:///{VAR_DIR / 'ispcore.sqlite3'}",
            "the portal's own database, `postgresql://user:password@host/name` in production",
        )
    ),
    "radius": _database(
        env.database(
            "RADIUS_DATABASE_URL",
            f"sqlite:///{VAR_DIR / 'radius.sqlite3'}",
            "FreeRADIUS' database, `mysql://user:password@host/name` in production",
        )
    ),
}
DATABASE_ROUTERS = ["ispcore.dbrouter.ByAppLabel"]
ATOMIC_REQUESTS = False

# --- people ----------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.Account"
AUTHENTICATION_BACKENDS = ["ispcore.accounts.backend.RoleBackend"]
PASSWORD_HASHERS = ["ispcore.accounts.hashing.BoundedArgon2"]
PASSWORD_HASHES_AT_ONCE = env.integer(
    "LOGINS_AT_ONCE",
    2,
    "passwords that a web process checks at the same time, each with a core and 100 MB",
    among=range(1, 65),
)
CACHES: dict[str, dict[str, Any]] = {
    # shared by all web processes: used codes of second factors, rates of allauth
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "shared_cache",
        "OPTIONS": {"MAX_ENTRIES": 50_000},
    },
    # what each process remembers of its pages, which is not worth a query
    "process": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
}
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not PUBLIC_URL  # http://localhost, where one tries things

# --- mail ------------------------------------------------------------------------------------
_mail = env.mail(
    "EMAIL_URL",
    "where mail is sent through, `smtp+tls://user:password@host:587`; without it the portal sends "
    "none, and forgotten passwords are set by an administrator",
)
EMAIL_IS_ON = bool(_mail)
EMAIL_BACKEND = str(_mail.get("EMAIL_BACKEND", "django.core.mail.backends.dummy.EmailBackend"))
EMAIL_HOST = str(_mail.get("EMAIL_HOST") or "localhost")
EMAIL_PORT = int(str(_mail.get("EMAIL_PORT") or 25))
EMAIL_HOST_USER = str(_mail.get("EMAIL_HOST_USER") or "")
EMAIL_HOST_PASSWORD = str(_mail.get("EMAIL_HOST_PASSWORD") or "")
EMAIL_USE_TLS = bool(_mail.get("EMAIL_USE_TLS", False))
EMAIL_USE_SSL = bool(_mail.get("EMAIL_USE_SSL", False))
EMAIL_FILE_PATH = _mail.get("EMAIL_FILE_PATH")
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.text(
    "EMAIL_FROM",
    f"ispcore@{_public.hostname or 'localhost'}",
    "the sender of mail",
    shown="ispcore@ the host of PUBLIC_URL",
)

# --- safe by construction --------------------------------------------------------------------
_https = _public.scheme == "https"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = _https
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 7 * 86_400  # the longest idle time-out of a role; each has its own
SECURE_HSTS_SECONDS = 365 * 86_400 if _https else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = _https
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _https else None
SECURE_REDIRECT_EXEMPT = [r"^health/$"]
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL] if PUBLIC_URL else []
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 2**20

# --- background work (design: named clusters, so that none starves another) ------------------
# One small cluster takes all jobs in the embedded default; the three run apart in production.
EMBEDDED = env.flag("ISPCORE_EMBEDDED", "one small job cluster for everything (script/server)")
env.text("Q_CLUSTER_NAME", "default", "which job cluster a worker is; read by django-q itself")
CLUSTERS = ("collect", "provision", "default")
Q_CLUSTER: dict[str, Any] = {
    "name": "default",
    "label": "Jobs",
    "orm": "default",
    "broker_class": "ispcore.jobs.broker.Broker",
    "workers": 2,
    "timeout": 240,
    "retry": 300,
    "max_attempts": 2,
    "ack_failures": True,
    "catch_up": False,
    "poll": 0.5,
    "guard_cycle": 1,
    "queue_limit": 50,
    "bulk": 1,
    "save_limit": 500,
    "recycle": 0,  # never: a worker that is gone ends its cluster, which is then started anew,
    "max_rss": 400_000,  # kB, and so is one that grew to this
    "ALT_CLUSTERS": {"collect": {"workers": 2}, "provision": {"workers": 2}},
}

# --- API -------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "ispcore.accounts.api_auth.ApiTokenAuthentication",
        "ispcore.accounts.api_auth.LoginAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["ispcore.accounts.permissions.RolePermissions"],
    "DEFAULT_PARSER_CLASSES": ["ispcore.accounts.api_bodies.FlatJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.PageNumberPagination",
    "PAGE_SIZE": 100,
}
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=5),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=7),
    "ALGORITHM": "HS256",
    # a key of its own, so that nothing else that SECRET_KEY signs can pass for a token
    "SIGNING_KEY": sha256(f"jwt:{SECRET_KEY}".encode()).hexdigest(),
    "ISSUER": "ispcore",
}

# --- logs ------------------------------------------------------------------------------------
# anybody can send a thousand of these, each with its trace
_FROM_ANYBODY = ("DisallowedHost", "RequestDataTooBig", "TooManyFieldsSent", "TooManyFilesSent")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "%(asctime)s %(levelname)-7s %(name)s: %(message)s%(request_words)s"},
    },
    "filters": {
        "brief": {"()": "ispcore.base.outages.Brief"},
        "request": {"()": "ispcore.base.request_ids.InLog"},
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "filters": ["brief", "request"],
        }
    },
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "django-q": {"handlers": ["console"], "level": "WARNING", "propagate": False},
        "django.request": {"level": "ERROR"},
        **{f"django.security.{fault}": {"level": "CRITICAL"} for fault in _FROM_ANYBODY},
        "daphne": {"level": "WARNING"},
        "psycopg.pool": {"level": "ERROR"},  # each try to connect; who needed it says so once
    },
}

ENVIRONMENT = env.variables
