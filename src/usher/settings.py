"""Settings: read once from the environment, checked, frozen. The only reader of os.environ."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec
import platformdirs

from usher.errors import SetupError

PROVIDERS: Final = ("sandbox", "stripe")
_SECRET: Final = ("secrets", "secret", "key", "_url", "token")
STRIPE_CHECKOUT: Final = "https://checkout.stripe.com"
# One address of plain ASCII, alone or in angle brackets behind a name on the same line.
_ADDRESS: Final = r"[\w.!#$%&'*+/=?^`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*"
_MAIL_FROM: Final = re.compile(rf"{_ADDRESS}|[^<>\x00-\x1f\x7f]*<{_ADDRESS}>", re.ASCII)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What differs between installations. Each field is ``USHER_`` + its name in capitals.

    `secrets` is the key ring, newest first: ``kid:hex[,kid:hex...]``, 32 bytes or more each.
    """

    redis_url: str = ""
    jobs_redis_url: str = ""
    database_url: str = ""
    data_dir: Path = Path()
    secrets: str = ""
    public_url: str = "http://127.0.0.1:8000"
    internal_url: str = ""  # where the sandbox bank finds the API; public_url if left out
    payments: str = "sandbox"  # names of PROVIDERS; new payments go to the first
    stripe_key: str = ""
    stripe_webhook_secret: str = ""
    stripe_api: str = ""  # a stand-in's address; Stripe's own if left out
    stripe_checkout: str = ""  # where its page stands, if under a name of one's own
    host: str = "127.0.0.1"
    port: int = 8000
    redis_connections: int = 32
    database_connections: int = 10
    # Where mail goes: smtp://user:password@host:port, smtps://..., maildir:///path; "" is nowhere.
    mail_url: str = ""
    mail_from: str = ""  # an address, or: A name <address>
    sms_url: str = ""  # an HTTP gateway; "" is none
    sms_token: str = ""
    hooks_http: bool = False  # webhooks may go to http:// addresses: for trials
    hooks_private: bool = False  # ... and to private ones, like this machine
    log_format: str = "console"
    log_level: str = "info"

    def __repr__(self) -> str:
        """Without what is secret, database passwords among it."""
        shown = (n for n in self.__struct_fields__ if not n.endswith(_SECRET))
        return f"Settings({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"

    @property
    def providers(self) -> tuple[str, ...]:
        """The payment providers that are enabled, the one of new payments first."""
        return tuple(word.strip() for word in self.payments.split(","))

    @property
    def payment_pages(self) -> tuple[str, ...]:
        """Where else than here fans pay: the origins of providers' own pages."""
        if "stripe" not in self.providers:
            return ()
        given = urlsplit(self.stripe_checkout or self.stripe_api or STRIPE_CHECKOUT)
        return (f"{given.scheme}://{given.netloc}",)

    def with_(self, **changes: object) -> "Settings":
        """A copy with some fields changed."""
        return msgspec.structs.replace(self, **changes)

    def alone(self, data_dir: Path, port: int, log_level: str) -> "Settings":
        """A copy for a trial: servers of its own in `data_dir`, the test bank, and nothing sent to
        anybody, whatever this environment has."""
        return self.with_(
            data_dir=data_dir,
            port=port,
            log_level=log_level,
            redis_url="",
            jobs_redis_url="",
            database_url="",
            secrets="",
            payments="sandbox",
            mail_url="",
            sms_url="",
        )


def default_data_dir() -> Path:
    """``$XDG_DATA_HOME/usher``, usually ``~/.local/share/usher``."""
    return Path(platformdirs.user_data_dir("usher", appauthor=False))


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from the environment; raises SetupError naming the variable at fault."""
    source = os.environ if environ is None else environ
    given = {
        field: source[name]
        for field in Settings.__struct_fields__
        if (name := f"USHER_{field.upper()}") in source and source[name].strip()
    }
    given.setdefault("data_dir", str(default_data_dir()))
    try:
        settings = msgspec.convert(given, Settings, strict=False, dec_hook=_decode)
    except msgspec.ValidationError as fault:
        raise SetupError(f"a USHER_ setting is wrong: {fault}") from None
    _check_url(settings.redis_url, "USHER_REDIS_URL", ("redis", "rediss", "unix"))
    _check_url(settings.jobs_redis_url, "USHER_JOBS_REDIS_URL", ("redis", "rediss", "unix"))
    _check_url(settings.database_url, "USHER_DATABASE_URL", ("postgresql", "postgres"))
    _check_url(settings.public_url, "USHER_PUBLIC_URL", ("http", "https"))
    _check_url(settings.internal_url, "USHER_INTERNAL_URL", ("http", "https"))
    _check_messages(settings)
    if not 0 <= settings.port <= 65_535:
        raise SetupError(f"USHER_PORT must be 0 to 65535, not {settings.port}")
    if settings.log_format not in ("console", "json"):
        raise SetupError(f"USHER_LOG_FORMAT must be console or json, not {settings.log_format!r}")
    check_payments(settings)
    return settings


def check_payments(settings: Settings) -> None:
    """SetupError where a provider is unknown, or lacks what it needs. Never tells a secret."""
    names = settings.providers
    if not set(names) <= set(PROVIDERS):
        raise SetupError(f"USHER_PAYMENTS must be {' or '.join(PROVIDERS)}, or both with a comma")
    if len(set(names)) < len(names):
        raise SetupError("USHER_PAYMENTS names a provider twice")
    if "stripe" in names:
        if not re.fullmatch("(sk|rk)_[A-Za-z0-9_]+", settings.stripe_key):
            raise SetupError(
                "USHER_PAYMENTS names stripe: USHER_STRIPE_KEY must hold a secret key (sk_...) or a"
                " restricted one (rk_...)"
            )
        if not re.fullmatch("whsec_[A-Za-z0-9+/=_-]+", settings.stripe_webhook_secret):
            raise SetupError(
                "USHER_PAYMENTS names stripe: USHER_STRIPE_WEBHOOK_SECRET must hold the signing"
                " secret of its webhook endpoint (whsec_...)"
            )
    _check_url(settings.stripe_api, "USHER_STRIPE_API", ("http", "https"))
    _check_url(settings.stripe_checkout, "USHER_STRIPE_CHECKOUT", ("http", "https"))


def _decode(kind: type, value: object) -> object:
    if kind is Path:
        return Path(str(value)).expanduser()
    raise NotImplementedError


def _check_url(url: str, name: str, schemes: tuple[str, ...]) -> None:
    if url and urlsplit(url).scheme not in schemes:
        raise SetupError(f"{name} must start with {' or '.join(s + '://' for s in schemes)}")


def _check_messages(settings: Settings) -> None:
    """What mail and SMS are told. The address of a mail server holds a password: never said."""
    _check_url(settings.mail_url, "USHER_MAIL_URL", ("smtp", "smtps", "maildir"))
    _check_url(settings.sms_url, "USHER_SMS_URL", ("http", "https"))
    if settings.sms_token and not settings.sms_url:
        raise SetupError("USHER_SMS_TOKEN is set, and USHER_SMS_URL is not")
    if not settings.sms_token.isascii() or not settings.sms_token.isprintable():
        raise SetupError("USHER_SMS_TOKEN holds characters that no header can carry")
    if settings.sms_url and not urlsplit(settings.sms_url).hostname:
        raise SetupError("USHER_SMS_URL names no host")
    if settings.mail_from and not _MAIL_FROM.fullmatch(settings.mail_from):
        raise SetupError(
            "USHER_MAIL_FROM must be an address like tickets@example.org, or a name and an address"
            " like: Concert hall <tickets@example.org>"
        )
    if not settings.mail_url:
        return
    url = urlsplit(settings.mail_url)
    if url.scheme == "maildir":
        if url.netloc or not url.path.startswith("/") or url.path == "/":
            raise SetupError("USHER_MAIL_URL must name a folder, like maildir:///var/mail/usher")
        return
    try:
        port = url.port
    except ValueError:
        port = 0
    if port == 0:
        raise SetupError("USHER_MAIL_URL: the port must be 1 to 65535")
    if not url.hostname or url.path not in ("", "/") or url.query or url.fragment:
        raise SetupError("USHER_MAIL_URL must be like smtp://user:password@mail.example.org:587")
    if bool(url.username) != bool(url.password):
        raise SetupError("USHER_MAIL_URL must hold a user and a password, or neither")
    if not settings.mail_from:
        raise SetupError("USHER_MAIL_FROM must be set: the address that mail comes from")


def environ_of(settings: Settings) -> dict[str, str]:
    """This process's environment with `settings` written over it, for a child process."""
    given = {
        f"USHER_{field.upper()}": str(value)
        for field in settings.__struct_fields__
        if (value := getattr(settings, field)) != ""
    }
    return {**os.environ, **given}
