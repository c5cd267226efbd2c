"""PostgreSQL: one pool for Piccolo and for hot SQL, named constraints as errors, gathering."""

import asyncio
import contextlib
import io
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, Generic, TypeAlias, TypeVar, cast

import asyncpg
import structlog
from asyncpg.pool import PoolConnectionProxy
from piccolo.apps.migrations.commands.forwards import ForwardsMigrationManager
from piccolo.engine.postgres import PostgresEngine

from usher import piccolo_conf
from usher.errors import SetupError, Unavailable, UsherError

log = structlog.get_logger("usher.postgres")

# Any number will do as long as every process takes the same: "usher" as bytes.
MIGRATION_LOCK: Final = int.from_bytes(b"usher")
COMMAND_TIMEOUT_S: Final = 30.0
_AWAY: Final = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.OperatorInterventionError,  # 57P0x: the server is going down or coming up
    asyncpg.ReadOnlySQLTransactionError,  # 25006: it has become a replica
    asyncpg.TooManyConnectionsError,
    ConnectionError,
    TimeoutError,
    OSError,
)

Connection: TypeAlias = PoolConnectionProxy
K = TypeVar("K")
V = TypeVar("V")


class Database:
    """The pool. Refusals of the server become domain errors; its absence, `Unavailable`."""

    def __init__(self, url: str, connections: int) -> None:
        self._engine = PostgresEngine(
            config={
                "dsn": url,
                "min_size": 1,
                "max_size": connections,
                "command_timeout": COMMAND_TIMEOUT_S,
                "server_settings": {"application_name": "usher", "timezone": "UTC"},
            }
        )
        # Piccolo looks its engine up by module; see piccolo_conf.py.
        piccolo_conf.DB = self._engine

    @property
    def pool(self) -> asyncpg.Pool:
        pool = self._engine.pool
        if pool is None:
            raise Unavailable("the database pool is not open", retry_after_s=2)
        return cast(asyncpg.Pool, pool)

    async def open(self) -> None:
        """Opens the pool and binds Piccolo's tables to it; SetupError where nothing answers."""
        try:
            await self._engine.start_connection_pool()
        except (*_AWAY, asyncpg.PostgresError) as fault:
            raise SetupError(f"PostgreSQL cannot be reached: {fault}") from fault
        from usher.piccolo_app import APP_CONFIG

        for table in APP_CONFIG.table_classes:
            table._meta.db = self._engine

    async def close(self) -> None:
        """Closes the pool; may be called twice."""
        if self._engine.pool is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._engine.close_connection_pool(), 5)

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection from the pool."""
        with told():
            async with self.pool.acquire(timeout=COMMAND_TIMEOUT_S) as connection:
                yield cast(Connection, connection)

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection in a transaction: commits on leaving, rolls back on any exception.

        COMMIT has no time limit of its own: a commit given up on may still have happened.
        """
        async with self.connection() as connection, connection.transaction():
            yield connection

    async def migrate(self) -> str:
        """Runs what migrations have not run yet, one process at a time; says what it did."""
        async with self.connection() as lock:
            await lock.execute("SELECT pg_advisory_lock($1)", MIGRATION_LOCK)
            try:
                told_by_piccolo = io.StringIO()
                with contextlib.redirect_stdout(told_by_piccolo):
                    result = await ForwardsMigrationManager(app_name="usher").run()
                if not result.success:
                    raise SetupError(f"a migration failed: {result.message}")
                return result.message or ""
            finally:
                await lock.execute("SELECT pg_advisory_unlock($1)", MIGRATION_LOCK)


@contextlib.contextmanager
def told(
    constraints: Mapping[str, Callable[[], UsherError]] | None = None,
) -> Any:
    """Maps what PostgreSQL refuses to domain errors: a named constraint to its own error.

    A violation of a constraint not named in `constraints` passes through: it is a fault of ours.
    """
    try:
        yield
    except asyncpg.IntegrityConstraintViolationError as violation:
        name = violation.constraint_name or ""
        if constraints and name in constraints:
            raise constraints[name]() from violation
        raise
    except UsherError:
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
        """The value of `key`, in the order `run` was given its keys."""
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
                    if not answer.done():
                        answer.set_result(value)
            except BaseException as fault:  # noqa: BLE001 - every caller must be told
                for _, answer in batch:
                    if not answer.done():
                        answer.set_exception(fault)
