"""Settings: read once from the environment, checked, frozen. The only reader of os.environ."""

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import platformdirs

from usher.errors import SetupError


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
    host: str = "127.0.0.1"
    port: int = 8000
    redis_connections: int = 32
    database_connections: int = 10
    hooks_http: bool = False  # webhooks may go to http:// addresses: for trials
    hooks_private: bool = False  # ... and to private ones, like this machine
    log_format: str = "console"
    log_level: str = "info"

    def with_(self, **changes: object) -> "Settings":
        """A copy with some fields changed."""
        return msgspec.structs.replace(self, **changes)


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
    if not 0 <= settings.port <= 65_535:
        raise SetupError(f"USHER_PORT must be 0 to 65535, not {settings.port}")
    if settings.log_format not in ("console", "json"):
        raise SetupError(f"USHER_LOG_FORMAT must be console or json, not {settings.log_format!r}")
    return settings


def _decode(kind: type, value: object) -> object:
    if kind is Path:
        return Path(str(value)).expanduser()
    raise NotImplementedError


def _check_url(url: str, name: str, schemes: tuple[str, ...]) -> None:
    if url and urlsplit(url).scheme not in schemes:
        raise SetupError(f"{name} must start with {' or '.join(s + '://' for s in schemes)}")


def environ_of(settings: Settings) -> dict[str, str]:
    """This process's environment with `settings` written over it, for a child process."""
    given = {
        f"USHER_{field.upper()}": str(value)
        for field in settings.__struct_fields__
        if (value := getattr(settings, field)) != ""
    }
    return {**os.environ, **given}
