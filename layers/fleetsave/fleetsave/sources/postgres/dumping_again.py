"""The restored database, dumped as it was dumped at its source: what comes out tells whether it is the same."""

import threading

from fleetsave.model.dumps import DumpText
from fleetsave.model.kinds import DumpFormat
from fleetsave.postgres.dump_text import DumpTextReader
from fleetsave.postgres.dumping import dump_command
from fleetsave.postgres.encodings import codec
from fleetsave.postgres.login import Login
from fleetsave.postgres.process import PostgresProcess
from fleetsave.sources.postgres.making import programs_environment, too_large
from fleetsave.sources.postgres.recovery_context import Context
from fleetsave.sources.postgres.restore_refusals import of_program

_RESERVE = 20.0
"""Seconds of a run that are kept for saying what went wrong."""


def dump_again(context: Context, login: Login) -> DumpText:
    """Return what the text of a dump of the database holds. Raise RestoreError, also if it is not over in time."""
    seconds = context.seconds_left() - _RESERVE
    reader = DumpTextReader(codec(context.dump.database.encoding))
    command = dump_command(context.programs, login.child_database, DumpFormat.PLAIN, context.dump.restrict_key)
    late = threading.Event()
    with login.for_child() as (variables, descriptors):
        environment = context.programs.environment(programs_environment(context, variables))
        with PostgresProcess(command, environment, descriptors=descriptors) as process:

            def strike() -> None:
                late.set()
                process.kill()

            timer = threading.Timer(max(0.0, seconds), strike)
            timer.daemon = True
            timer.start()
            try:
                for chunk in process.chunks():
                    reader.feed(chunk)
                status = process.wait()
            finally:
                timer.cancel()
            if late.is_set():
                raise too_large(context, f"the restored database could not be read within {seconds:.0f} s to compare it")
            if status != 0 or not reader.is_complete:
                raise of_program(login, context.target, process.errors or f"pg_dump ended with status {status}")
    return reader.result()
