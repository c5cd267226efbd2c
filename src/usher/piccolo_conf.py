"""Where Piccolo looks for its engine and apps. `DB` is set by plumbing/postgres.py on opening:
Piccolo finds its engine by module, so this one name is process-wide by its design.
"""

from piccolo.conf.apps import AppRegistry
from piccolo.engine.postgres import PostgresEngine

from usher.settings import read_settings

DB = PostgresEngine(config={"dsn": read_settings().database_url or "postgresql:///usher"})
APP_REGISTRY = AppRegistry(apps=["usher.piccolo_app"])
