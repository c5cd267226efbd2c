"""usher as a Piccolo app: its tables and where its migrations lie."""

from piccolo.conf.apps import AppConfig, table_finder

from usher.plumbing.shipped import shipped

APP_CONFIG = AppConfig(
    app_name="usher",
    migrations_folder_path=str(shipped("migrations")),
    table_classes=table_finder(
        modules=[
            "usher.account.tables",
            "usher.venue.tables",
            "usher.event.tables",
            "usher.sale.tables",
        ],
        # Rooms import the tables of rooms to their left.
        exclude_imported=True,
    ),
    migration_dependencies=[],
)
