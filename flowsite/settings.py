"""Django's settings, all of them from the environment. `.env.example` explains each."""

import os
from contextlib import suppress
from pathlib import Path

import environ

from flowsite.env import Reader, is_local

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = BASE_DIR / "var"
with suppress(OSError):  # whatever needs it and does not find it says so
    VAR_DIR.mkdir(exist_ok=True)

# Tests must not read a developer's .env: it may hold the real key.
if "PYTEST_VERSION" not in os.environ:
    environ.Env.read_env(BASE_DIR / ".env")

read = Reader(environ.Env())
SETTINGS_PROBLEMS = read.problems

# Django ---------------------------------------------------------------------------------------------------------------
DEFAULT_SECRET_KEY = "insecure-development-key-that-production-refuses"  # noqa: S105 - the checks refuse it in production
SECRET_KEY = read.text("SECRET_KEY", "") or DEFAULT_SECRET_KEY
DEBUG = read.boolean("DEBUG", default=True)
ALLOWED_HOSTS = read.names("ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]")
CSRF_TRUSTED_ORIGINS = read.names("CSRF_TRUSTED_ORIGINS", "")
TIME_ZONE = read.time_zone("TIME_ZONE", "Africa/Johannesburg")
CURRENCY = read.currency("CURRENCY", "ZAR")
LANGUAGE_CODE = "en-gb"
FORMAT_MODULE_PATH = ["flowsite.formats"]  # times with the abbreviation of their zone, on every page
USE_TZ = True
ROOT_URLCONF = "flowsite.urls"
LOGIN_REDIRECT_URL = "admin:index"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.humanize",  # separators of thousands in templates
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_celery_beat",
    "campaigns",
    "flowsite",  # the last: then all are ready
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "campaigns.admin.in_vain.InVain",
    "campaigns.admin.timeouts.ListTimeout",
    "campaigns.admin.outside.InertPages",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "campaigns.admin.vitals.vitals",
            ],
        },
    },
]

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = DEBUG

# Browsers are told to use HTTPS alone where the site is not a developer's.
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEBUG
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = 0 if DEBUG else 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = not DEBUG
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# Database -------------------------------------------------------------------------------------------------------------
DATABASES = {"default": read.database("DATABASE_URL", f"sqlite:///{VAR_DIR}/db.sqlite3", BASE_DIR)}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # WAL lets readers go on while one writes, IMMEDIATE takes the write lock at BEGIN so that nobody fails half-way, and
    # synchronous FULL (not NORMAL) because `sent_at` must be on the disk before the first byte leaves.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    }
    # A file, because the threads of a test cannot share a database in memory; one for each run of the tests.
    DATABASES["default"]["TEST"] = {"NAME": str(VAR_DIR / f"test-{os.getpid()}.sqlite3")}
else:
    # PostgreSQL compiles what it takes for long, which takes longer than the lists themselves.
    DATABASES["default"].setdefault("OPTIONS", {}).setdefault("options", "-c jit=off")
    DATABASES["default"]["CONN_MAX_AGE"] = 60
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True

# Flow -----------------------------------------------------------------------------------------------------------------
SANDBOX_PORT = read.whole("SANDBOX_PORT", 8100)
SANDBOX_BASE_URL = f"http://127.0.0.1:{SANDBOX_PORT}"
SANDBOX_ORGANISATION_ID = "sandbox-organisation"
SANDBOX_API_KEY = "sandbox-api-key"

FLOW_BASE_URL = read.text("FLOW_BASE_URL", SANDBOX_BASE_URL).rstrip("/")
FLOW_ORGANISATION_ID = read.text("FLOW_ORGANISATION_ID", SANDBOX_ORGANISATION_ID)
FLOW_API_KEY = read.text("FLOW_API_KEY", SANDBOX_API_KEY)
FLOW_CLIENT_ID = read.text("FLOW_CLIENT_ID", "") or FLOW_ORGANISATION_ID
FLOW_REQUEST_TYPE = read.text("FLOW_REQUEST_TYPE", "campaignAPI")
FLOW_CONNECT_TIMEOUT = read.seconds("FLOW_CONNECT_TIMEOUT", 5)
FLOW_READ_TIMEOUT = read.seconds("FLOW_READ_TIMEOUT", 20)
FLOW_DEADLINE = read.seconds("FLOW_DEADLINE", 30)
FLOW_CONCURRENCY = read.whole("FLOW_CONCURRENCY", 16)
FLOW_MAX_PER_SECOND = read.whole("FLOW_MAX_PER_SECOND", 50)
FLOW_STATUS_PAUSE = read.text("FLOW_STATUS_PAUSE", "paused")
FLOW_STATUS_RESUME = read.text("FLOW_STATUS_RESUME", "active")
FLOW_STATUS_CANCEL = read.text("FLOW_STATUS_CANCEL", "cancelled")
FLOW_STATUS_PHASES = read.pairs("FLOW_STATUS_PHASES", "completed=completed,failed=failed")
FLOW_CLIENT_ERRORS_ARE_UNKNOWN = read.boolean("FLOW_CLIENT_ERRORS_ARE_UNKNOWN", default=False)
# A stand-in for Flow: Flow itself, where money is spent, is never on this machine.
FLOW_IS_LOCAL = is_local(FLOW_BASE_URL)
FLOW_IS_SANDBOX = FLOW_BASE_URL.lower() in {SANDBOX_BASE_URL, f"http://localhost:{SANDBOX_PORT}"}

PUBLISH_LEASE = read.seconds("PUBLISH_LEASE", 180)
APPROVAL_THRESHOLD = read.amount("APPROVAL_THRESHOLD")

# Mail: reminders of doubt, and alerts -----------------------------------------------------------------------------------
_mail_server = read.mail_server("EMAIL_URL", "consolemail://")
EMAIL_BACKEND = _mail_server["EMAIL_BACKEND"]
EMAIL_HOST, EMAIL_PORT = _mail_server["EMAIL_HOST"], _mail_server["EMAIL_PORT"]
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _mail_server["EMAIL_HOST_USER"], _mail_server["EMAIL_HOST_PASSWORD"]
EMAIL_USE_TLS, EMAIL_USE_SSL = _mail_server["EMAIL_USE_TLS"], _mail_server["EMAIL_USE_SSL"]
EMAIL_TIMEOUT = 10  # seconds; without it a mail server that does not answer would hold a worker for ever
DEFAULT_FROM_EMAIL = read.sender("DEFAULT_FROM_EMAIL", "console@localhost")
SITE_URL = read.site("SITE_URL")

# Celery ---------------------------------------------------------------------------------------------------------------
BROKER_DIR = BASE_DIR / read.text("BROKER_DIR", "var/broker")
CELERY_BROKER_URL = read.text("CELERY_BROKER_URL", "filesystem://")
BROKER_SCHEME = CELERY_BROKER_URL.split("://", 1)[0] if "://" in CELERY_BROKER_URL else ""
BROKER_VISIBILITY_TIMEOUT = 3600

if BROKER_SCHEME == "filesystem":
    CELERY_BROKER_URL = "filesystem://localhost"  # kombu warns of a missing host, which has no meaning here
    CELERY_BROKER_TRANSPORT = "flowsite.broker:Transport"
    read.make_folders("BROKER_DIR", BROKER_DIR / "messages", BROKER_DIR / "control")
    CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, object] = {
        "data_folder_in": str(BROKER_DIR / "messages"),
        "data_folder_out": str(BROKER_DIR / "messages"),
        "control_folder": str(BROKER_DIR / "control"),
        "polling_interval": 0.1,
    }
elif BROKER_SCHEME in {"redis", "rediss"}:
    # Without these a click of staff hangs for a minute when Redis can't be reached; a page has two seconds.
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "visibility_timeout": BROKER_VISIBILITY_TIMEOUT,
        "socket_timeout": 1,
        "socket_connect_timeout": 0.7,
        "health_check_interval": 5,  # how soon a worker notices that its connection leads nowhere any more
        "retry_on_timeout": False,
        "max_retries": 0,
    }
else:
    CELERY_BROKER_TRANSPORT_OPTIONS = {"max_retries": 0}

# Where all processes count their calls to Flow together: the broker's Redis, else this machine.
FLOW_PACE_STORE = read.text("FLOW_PACE_STORE", "") or (
    CELERY_BROKER_URL if BROKER_SCHEME in {"redis", "rediss"} else str(BROKER_DIR)
)
read.make_folders("BROKER_DIR", BROKER_DIR)

CELERY_BROKER_CONNECTION_TIMEOUT = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # for ever: a broker may be away for a night
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_DEFAULT_QUEUE = "campaigns"
# A thousand pauses are a thousand messages, which go out at Flow's pace: a publish does not stand behind them.
CELERY_TASK_QUEUES: dict[str, dict[str, str]] = {"campaigns": {}, "commands": {}}
CELERY_TASK_ROUTES = {"campaigns.tasks.send_command": {"queue": "commands"}}
CELERY_WORKER_CONSUMER = "flowsite.messages:Consumer"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_DB_REUSE_MAX = 2**31  # flowsite/celery.py closes connections, when they have been open for CONN_MAX_AGE
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_REDIRECT_STDOUTS = False  # else the traceback of a process that dies is logged word by word
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_TIMEZONE = TIME_ZONE
CELERY_BEAT_SCHEDULER = "flowsite.scheduler:Scheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = 5

# One task makes at most two calls with a deadline of their own: the token, then the POST. Both must fit, with room for
# the database, before Celery interrupts; and Celery must be done before the lease is over.
CELERY_TASK_SOFT_TIME_LIMIT = 2 * FLOW_DEADLINE + 30
CELERY_TASK_TIME_LIMIT = CELERY_TASK_SOFT_TIME_LIMIT + 15

# Logs and errors: secrets are removed by value -------------------------------------------------------------------------
SECRETS = [SECRET_KEY, FLOW_API_KEY, EMAIL_HOST_PASSWORD]
SECRETS += [
    address
    for name in ("DATABASE_URL", "CELERY_BROKER_URL", "FLOW_PACE_STORE", "EMAIL_URL")
    if "@" in (address := read.text(name, ""))
]
DEFAULT_EXCEPTION_REPORTER = "flowsite.redacting.RedactingReporter"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "plain": {
            "()": "flowsite.redacting.RedactingFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
        }
    },
    "filters": {
        "plain_refusals": {"()": "flowsite.quiet.PlainRefusals"},
        "not_each_message": {
            "()": "django.utils.log.CallbackFilter",
            "callback": lambda record: "Sending due task" not in str(record.msg),
        },
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        "django.request": {"filters": ["plain_refusals"]},
        "django.server": {"handlers": ["console"], "level": "WARNING", "propagate": False},
        # A line for each message that comes and goes would bury those that tell something.
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        "celery.beat": {"filters": ["not_each_message"]},
    },
}

# The admin's look -----------------------------------------------------------------------------------------------------
UNFOLD = {
    "SITE_TITLE": "Campaign console",
    "SITE_HEADER": "Campaign console",
    "SITE_SYMBOL": "campaign",
    "SITE_URL": None,
    "SHOW_VIEW_ON_SITE": False,
    "ENVIRONMENT": "campaigns.admin.look.environment",
    "ENVIRONMENT_TITLE_PREFIX": "campaigns.admin.look.title_prefix",
    "DASHBOARD_CALLBACK": "campaigns.admin.dashboard.dashboard",
    "COLORS": {"primary": "campaigns.admin.look.primary"},
    "SIDEBAR": {"navigation": "campaigns.admin.menu.navigation"},
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "campaigns.admin.look.favicon"}],
    "STYLES": ["campaigns.admin.look.style"],
    "SCRIPTS": ["campaigns.admin.look.labels_script", "campaigns.admin.look.once_script"],
}
