"""A central database that is being written all the time: pgbench, which comes with PostgreSQL.

Each of its transactions adds one amount to an account, a teller and a branch, and writes it into a history: whatever the moment,
the sums of the four are equal.
"""

import signal
from types import TracebackType

from fleetsave.local.postgres_server import PostgresServer
from fleetsave.local.processes import ChildProcess

_SUMS = """
SELECT (SELECT sum(abalance) FROM pgbench_accounts) = (SELECT coalesce(sum(delta), 0) FROM pgbench_history)
   AND (SELECT sum(tbalance) FROM pgbench_tellers) = (SELECT coalesce(sum(delta), 0) FROM pgbench_history)
   AND (SELECT sum(bbalance) FROM pgbench_branches) = (SELECT coalesce(sum(delta), 0) FROM pgbench_history)
"""


def is_consistent(server: PostgresServer, database: str = "bench") -> bool:
    """Tell whether the sums of accounts, tellers, branches and history are equal, as they are after any whole transactions."""
    return server.psql(_SUMS, database) == "t"


class PgbenchLoad:
    """pgbench on what `PostgresServer.bench` has made, until it is stopped; it starts at once, and ends if the server does.

    `rate` is the transactions it begins each second, as many as it can without one. Raise RuntimeError, with the end of its log,
    if it ends before it has written anything.
    """

    def __init__(self, server: PostgresServer, database: str = "bench", *, clients: int = 2, rate: float | None = None) -> None:
        self._server = server
        self._database = database
        before = self.transactions
        command = [str(server.installation / "bin" / "pgbench"), "--no-vacuum", "--time=86400", f"--client={clients}"]
        command += [f"--rate={rate:g}"] if rate else []
        log = server.folder / f"pgbench-{database}.log"
        self._process = ChildProcess("pgbench", command, log=log, env=server.environment(database), cwd=server.folder)
        self._process.wait_until(lambda: self.transactions > before)

    @property
    def transactions(self) -> int:
        """Return how many have been committed in the database, by this load and those before it."""
        return int(self._server.psql("SELECT count(*) FROM pgbench_history", self._database))

    @property
    def is_running(self) -> bool:
        """Tell whether it still writes."""
        return self._process.is_running

    def stop(self) -> None:
        """End it; stopping twice is no error."""
        self._process.signal(signal.SIGINT)
        self._process.stop()

    def __enter__(self) -> "PgbenchLoad":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()
