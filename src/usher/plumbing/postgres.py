"""PostgreSQL: one pool for Piccolo and for hot SQL, named constraints as errors, gathering."""

import asyncio
import contextlib
import io
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any, Final, Generic, TypeAlias, TypeVar

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from piccolo.apps.migrations.tables import Migration
from piccolo.conf.apps import Finder
from piccolo.engine.postgres import PostgresEngine
from piccolo.table import Table

from usher import piccolo_conf
from usher.errors import SetupError, Unavailable, Unreachable, UsherError

# Any number will do as long as every process takes the same: "usher" as bytes.
MIGRATION_LOCK: Final = int.from_bytes(b"usher")
CONNECT_TIMEOUT_S: Final = 5.0
ACQUIRE_TIMEOUT_S: Final = 10.0
COMMAND_TIMEOUT_S: Final = 30.0
# The server has changed its mind about us: what other connections it gave us are no better.
_STALE: Final = (
    asyncpg.ReadOnlySQLTransactionError,  # 25006: it has become a replica
    asyncpg.AdminShutdownError,  # 57P01
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
)
_AWAY: Final = (
    *_STALE,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what it says when cut off between two statements
    asyncpg.OperatorInterventionError,  # 57xxx: it cancelled us, or is going down or coming up
    asyncpg.InsufficientResourcesError,  # 53xxx: connections, memory, disk
    asyncpg.TransactionRollbackError,  # 40xxx: a deadlock; all we write may be written again
    ConnectionError,
    TimeoutError,
    OSError,
)

# Piccolo finds its engine by a module name, which it takes from the environment or from the
# working directory: here it is this one, whatever project those belong to.
Finder.get_piccolo_conf_module = (  # type: ignore[method-assign]
    lambda *_, **__: piccolo_conf  # type: ignore[assignment]
)

Connection: TypeAlias = PoolConnectionProxy
K = TypeVar("K")
V = TypeVar("V")


class Database:
    """The pool. Refusals of the server become domain errors; its absence, `Unavailable`."""

    def __init__(self, url: str, connections: int) -> None:
        self._link: dict[str, Any] = {
            "dsn": url,
            "timeout": CONNECT_TIMEOUT_S,
            "server_settings": {
                "application_name": "usher",
                "timezone": "UTC",
                # A sale fills empty tables within a minute: a plan that was kept from when they
                # were empty reads all of them, 0.5 ms for two tickets by their booking's id.
                "plan_cache_mode": "force_custom_plan",
            },
        }
        self._engine = piccolo_conf.Engine(
            config={
                **self._link,
                "min_size": 1,
                "max_size": connections,
                "command_timeout": COMMAND_TIMEOUT_S,
                "reset": _reset,
            }
        )
        self._bound_before: PostgresEngine | None = None

    @property
    def pool(self) -> "asyncpg.Pool[asyncpg.Record]":
        pool = self._engine.pool
        if pool is None:
            raise Unavailable("the database pool is not open", retry_after_s=2)
        return pool

    async def open(self) -> None:
        """Opens the pool and binds Piccolo's tables to it; SetupError where nothing answers.

        That binding is one per process: of several databases the last one opened has it, until
        it is closed.
        """
        try:
            await self._engine.start_connection_pool()
        except (*_AWAY, asyncpg.PostgresError) as fault:
            raise Unreachable(f"PostgreSQL cannot be reached: {fault}") from fault
        self._bound_before = _bound()
        _bind(self._engine)

    async def close(self) -> None:
        """Closes the pool, by force if somebody keeps a connection; may be called twice."""
        if _bound() is self._engine and self._bound_before is not None:
            _bind(self._bound_before)
        pool, self._engine.pool = self._engine.pool, None
        if pool is not None:
            try:
                await asyncio.wait_for(pool.close(), 5)
            except (TimeoutError, *_AWAY):
                pool.terminate()

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection from the pool."""
        with told():
            async with self.pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as connection:
                try:
                    yield connection
                except _STALE:
                    await self.pool.expire_connections()
                    raise

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection in a transaction: commits on leaving, rolls back on any exception.

        `Unavailable` from the COMMIT itself leaves open whether it happened: write so that it
        may be written again.
        """
        async with self.connection() as connection, connection.transaction():
            yield connection

    async def migrate(self) -> str:
        """Runs what migrations have not run yet, one process at a time; says what it did.

        Each is one transaction, with the note that it ran: whole, or as if never begun.
        """
        # On a connection of its own, without a time limit: waiting for another process's
        # migration and building an index may both take minutes.
        engine = piccolo_conf.Engine(config=self._link)
        path, bound = sys.path.copy(), _bound()
        _bind(engine)
        ran = 0
        try:
            with told(), contextlib.redirect_stdout(io.StringIO()):
                while await _migrate_next(engine):
                    ran += 1
        except (asyncpg.PostgresError, asyncpg.InterfaceError) as fault:
            raise SetupError(f"a migration failed: {fault}") from fault
        finally:
            _bind(bound or self._engine)
            sys.path[:] = path  # Piccolo puts the folder of the migrations in front
        return f"migrations run: {ran}" if ran else "no migration to run"


async def _reset(_: Any) -> None:
    """In the place of asyncpg's own reset when a connection goes back to the pool, which asks the
    server each time to forget locks, settings and listeners: a round trip for every statement.
    Ours leave none behind (advisory locks are a transaction's); a transaction that is left open
    is rolled back before this is called."""


def _bound() -> PostgresEngine | None:
    """The engine Piccolo uses; see piccolo_conf.py."""
    return vars(piccolo_conf).get("DB")


def _bind(engine: PostgresEngine) -> None:
    piccolo_conf.DB = engine
    tables: list[type[Table]] = [
        Migration,
        *piccolo_conf.APP_REGISTRY.get_table_classes("usher"),
    ]
    for table in tables:
        table._meta.db = engine


async def _migrate_next(engine: PostgresEngine) -> bool:
    """Runs the first migration that has not run; False where all have."""
    # Here, as it brings a code formatter along: 0.2 s of the start of each process and command.
    from piccolo.apps.migrations.commands.forwards import ForwardsMigrationManager

    async with engine.transaction() as transaction:
        await transaction.connection.execute("SELECT pg_advisory_xact_lock($1)", MIGRATION_LOCK)
        manager = ForwardsMigrationManager(app_name="usher", migration_id="1")
        await manager.create_migration_table()
        before = await Migration.get_migrations_which_ran("usher")
        result = await manager.run()
        if not result.success:
            raise SetupError(f"a migration failed: {result.message}")
        after = await Migration.get_migrations_which_ran("usher")
    return len(after) > len(before)


@contextlib.contextmanager
def told(
    constraints: Mapping[str, Callable[[], UsherError]] | None = None,
) -> Iterator[None]:
    """Maps what PostgreSQL refuses to domain errors: a named constraint to its own error.

    A violation of a constraint not named in `constraints` passes through: it is a fault of ours.
    So does a value that asyncpg cannot send as what the statement wants.
    """
    try:
        yield
    except asyncpg.IntegrityConstraintViolationError as violation:
        name = violation.constraint_name or ""
        if constraints and name in constraints:
            raise constraints[name]() from violation
        raise
    except _AWAY as fault:
        raise Unavailable(
            f"PostgreSQL did not answer: {type(fault).__name__}", retry_after_s=2
        ) from fault


class Gather(Generic[K, V]):
    """Many small calls, one statement: calls made while a statement is under way wait and
    travel together in the next one. A single caller waits for nobody.

    Measured: one transaction per row 760/s, gathered in batches of hundreds 27,000/s.
    """

    def __init__(
        self, run: Callable[[Sequence[K]], Awaitable[Sequence[V]]], batch_max: int = 500
    ) -> None:
        self._run = run
        self._batch_max = batch_max
        self._waiting: list[tuple[K, asyncio.Future[V]]] = []
        self._task: asyncio.Task[None] | None = None

    async def __call__(self, key: K) -> V:
        """The value `run` gives for `key`; what `run` raises, every caller of its batch gets."""
        answer: asyncio.Future[V] = asyncio.get_running_loop().create_future()
        self._waiting.append((key, answer))
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._drain())
        return await answer

    async def _drain(self) -> None:
        while self._waiting:
            batch = self._waiting[: self._batch_max]
            del self._waiting[: self._batch_max]
            try:
                values = await self._run([key for key, _ in batch])
                for (_, answer), value in zip(batch, values, strict=True):
                    if not answer.done():  # its caller was cancelled; it was done all the same
                        answer.set_result(value)
            except asyncio.CancelledError:  # the loop is ending
                for _, answer in [*batch, *self._waiting]:
                    answer.cancel()
                self._waiting.clear()
                raise
            except BaseException as fault:  # noqa: BLE001 - every caller must be told
                for _, answer in batch:
                    if not answer.done():
                        answer.set_exception(fault)
