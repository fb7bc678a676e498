"""`fleetsave`: put a fleet in place and see that it is safe, with nothing but the bucket."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import click

import fleetsave
from fleetsave.api_client import RecoveryApi
from fleetsave.cli.config import config
from fleetsave.cli.connect import Connection, Session, open_bucket
from fleetsave.cli.connect_api import open_recovery_api
from fleetsave.cli.exits import Exit, exit_of
from fleetsave.cli.listing import list_backups, show
from fleetsave.cli.prune import prune_command
from fleetsave.cli.recover import recover
from fleetsave.cli.status import status
from fleetsave.cli.verify import verify_command
from fleetsave.cli.watch import watch_command
from fleetsave.model.errors import FleetsaveError
from fleetsave.model.printing import printable
from fleetsave.settings import Provider


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(fleetsave.__version__)
@click.option("--bucket", metavar="NAME", help="The bucket [FLEETSAVE_BUCKET].")
@click.option(
    "--provider",
    type=click.Choice([one.value for one in Provider]),
    help="aws, or portable for every other store [FLEETSAVE_STORE_PROVIDER].",
)
@click.option("--endpoint", metavar="URL", help="Address of the store, if it is not Amazon S3 [FLEETSAVE_STORE_ENDPOINT].")
@click.option("--region", metavar="NAME", help="Region of the store [FLEETSAVE_STORE_REGION].")
@click.option("--api-url", metavar="URL", help="Address of the recovery API, with its stage [FLEETSAVE_API_URL].")
@click.option(
    "--api-region", metavar="NAME", help="Region of the recovery API, if its address does not say [FLEETSAVE_API_REGION]."
)
@click.pass_context
def cli(
    context: click.Context,
    bucket: str | None,
    provider: str | None,
    endpoint: str | None,
    region: str | None,
    api_url: str | None,
    api_region: str | None,
) -> None:
    """Backups of game servers that count only once they have been restored.

    Exit codes: 0 all is well, 1 something is not safe, 2 usage or configuration, 3 the store failed or refused,
    4 a guard refused or nobody confirmed, 5 no such backup or recovery, 6 something else failed, 7 the API failed or
    refused the credentials, 8 a recovery ended with the data as it was, 9 a recovery needs a person.
    """
    store = {"bucket": bucket, "store_provider": provider, "store_endpoint": endpoint, "store_region": region}
    given = {**store, "api_url": api_url, "api_region": api_region}
    context.obj = replace(context.obj, options={name: value for name, value in given.items() if value})


for command in (config, status, watch_command, list_backups, show, verify_command, prune_command, recover):
    cli.add_command(command)


def main(
    arguments: Sequence[str] | None = None,
    *,
    open_with: Callable[[Mapping[str, str]], Connection] = open_bucket,
    open_api_with: Callable[[Mapping[str, str]], RecoveryApi] = open_recovery_api,
) -> int:
    """Run one command and return its exit code; errors go to standard error, and with `--json` to standard output too."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = cli.main(given, prog_name="fleetsave", standalone_mode=False, obj=Session(open_with, open_api_with, {}))
    except FleetsaveError as error:
        return _fail(error.as_dict(), _spell(error), exit_of(error), as_json="--json" in given)
    except click.ClickException as error:
        error.show()
        problem = {"error": type(error).__name__, "cause": error.format_message()}
        return _fail(problem, "", Exit.USAGE, as_json="--json" in given)
    except click.Abort:
        return _fail({"error": "Interrupted", "cause": "interrupted"}, "interrupted", Exit.INTERRUPTED, as_json="--json" in given)
    return int(code or Exit.OK)


def _spell(error: FleetsaveError) -> str:
    lines = (
        f"error: could not {printable(error.operation)} {printable(error.target)}",
        f"  cause: {printable(error.cause)}",
        f"  hint:  {printable(error.hint)}",
    )
    return "\n".join(lines)


def _fail(problem: Mapping[str, object], text: str, code: Exit, *, as_json: bool) -> int:
    if text:
        click.echo(text, err=True)
    if as_json:
        click.echo(json.dumps({**problem, "exit_code": int(code)}, indent=2))
    return int(code)
