"""Where Piccolo looks for its engine and apps.

`DB` is set by plumbing/postgres.py on opening: Piccolo finds its engine by module, so this one
name is process-wide by its design. Where nobody has set it (Piccolo's own command line, run with
PICCOLO_CONF=usher.piccolo_conf) it is the database of the settings.
"""

from piccolo.conf.apps import AppRegistry
from piccolo.engine.postgres import PostgresEngine

from usher.settings import read_settings


class Engine(PostgresEngine):
    """Connects when it is asked to: Piccolo's own does so when made, and only to warn."""

    async def check_version(self) -> None:
        """Left to whoever opens the pool."""

    async def prep_database(self) -> None:
        """No extensions are needed."""


DB: PostgresEngine
APP_REGISTRY = AppRegistry(apps=["usher.piccolo_app"])


def __getattr__(name: str) -> PostgresEngine:
    if name != "DB":
        raise AttributeError(name)
    return Engine(config={"dsn": read_settings().database_url or "postgresql:///usher"})
