"""The `noren` command: the local stack, and management commands with a database behind them.

Thin on purpose: what it starts is in `noren_kit.stack`, what it manages are Django's commands.
Heavy imports wait until a command needs them, so that `noren --help` is quick.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from noren.config.commands import app as config_app
from noren.config.commands import compare

if TYPE_CHECKING:
    from noren_kit.stack.supervisor import ProcessSpec

CHECKOUT = Path(__file__).resolve().parents[2]
SETTINGS = "noren.config.settings.local"
NEED_NO_DATABASE = frozenset(
    {
        "check",
        "collectstatic",
        "compilemessages",
        "diffsettings",
        "findstatic",
        "help",
        "lint_migrations",
        "makemessages",
        "makemigrations",
        "spectacular",
        "version",
    }
)
PASS_THROUGH = {
    "ignore_unknown_options": True,
    "allow_extra_args": True,
    "allow_interspersed_args": False,
    "help_option_names": [],
}

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Noren, a commerce back end.",
)
database_app = typer.Typer(no_args_is_help=True, help="The database itself, for administrators.")
app.add_typer(database_app, name="db")
app.add_typer(config_app, name="config")


def working_folder() -> Path:
    """Return the checkout that this code lies in, or else the current folder."""
    return CHECKOUT if (CHECKOUT / "pyproject.toml").exists() else Path.cwd()


def home() -> Path:
    """Return the folder of the local data: NOREN_HOME, or `var` in the working folder."""
    chosen = os.environ.get("NOREN_HOME")
    return Path(chosen).absolute() if chosen else working_folder() / "var"


def manage_django(arguments: Sequence[str], *, needs_database: bool = True) -> None:
    """Run a Django management command; it exits by itself on errors."""
    from noren_kit.stack.commands import command_environment

    with command_environment(home(), SETTINGS, needs_database=needs_database):
        from django.core.management import execute_from_command_line

        execute_from_command_line(["noren manage", *arguments])


@app.command()
def run(
    port: Annotated[int, typer.Option(help="Port of the API; the next free one if busy.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, help="Processes that answer requests.")] = 2,
    demo: Annotated[bool, typer.Option("--demo/--no-demo", help="Load demo data.")] = True,
) -> None:
    """Start the whole stack on this machine; Ctrl-C stops it."""
    from noren_kit.stack.local import LocalStack

    def processes(web_port: int, environment: Mapping[str, str]) -> list[ProcessSpec]:
        return stack_processes(web_port, workers, environment)

    LocalStack(
        home=home(),
        cwd=working_folder(),
        settings_module=SETTINGS,
        prepare=[
            *(sys.executable, "-m", "noren.cli", "prepare"),
            "--demo" if demo else "--no-demo",
        ],
        processes=processes,
        ready_path="/health/ready/",
        ready=show_walk,
    ).run(port)


def stack_processes(
    web_port: int, workers: int, environment: Mapping[str, str]
) -> list[ProcessSpec]:
    """Return web, worker, beat and relay, in the order in which they start and stop."""
    from noren_kit.stack.supervisor import ProcessSpec

    pictures = environment.get("MEDIA_URL") or f"http://127.0.0.1:{web_port}/media/"
    environment = {**environment, "MEDIA_URL": pictures}
    python = [sys.executable, "-m"]
    celery = [*python, "celery", "--quiet", "-A", "noren.config.celery"]
    web = f"noren_kit.api.serving noren.config.wsgi:application --port {web_port}"
    web += f" --workers {workers} --threads 1"
    worker = "worker --loglevel info --concurrency 2 --without-gossip --without-mingle"
    beat = ["beat", "--loglevel", "info", "--pidfile=", "--schedule"]
    return [
        ProcessSpec("web", [*python, *web.split()], environment),
        ProcessSpec("worker", [*celery, *worker.split()], environment),
        ProcessSpec("beat", [*celery, *beat, str(home() / "celerybeat-schedule")], environment),
        ProcessSpec("relay", [*python, "noren.cli", "relay"], environment),
    ]


def show_walk(facts: Mapping[str, Any]) -> None:
    """Print where the API is, who may sign in, and commands to try."""
    from noren.demo.walk import welcome

    typer.echo(welcome(facts))


@app.command(hidden=True)
def prepare(demo: Annotated[bool, typer.Option("--demo/--no-demo")] = True) -> None:
    """Migrate and load the demo data in one process, inside the stack's environment."""
    from noren_kit.stack.progress import step

    with step("Application"):
        import django
        from django.core.management import call_command, get_commands

        django.setup()
    with step("Migrations"):
        call_command("migrate", database="owner", interactive=False, verbosity=0)
    if demo and "load_demo" in get_commands():
        with step("Demo data"):
            credentials = str(home() / "demo.json")
            call_command("load_demo", credentials=credentials, stdout=io.StringIO())


@app.command(context_settings=PASS_THROUGH)
def migrate(context: typer.Context) -> None:
    """Bring the schema up to date, as its owner; takes the options of Django's migrate."""
    manage_django(["migrate", "--database", "owner", *context.args])


@app.command(context_settings=PASS_THROUGH)
def manage(context: typer.Context) -> None:
    """Run any Django management command: noren manage COMMAND ..."""
    command = next(iter(context.args), "help")
    wants_help = command.startswith("-") or "--help" in context.args or "-h" in context.args
    needs_database = not wants_help and command not in NEED_NO_DATABASE
    manage_django(context.args or ["help"], needs_database=needs_database)


@app.command(context_settings=PASS_THROUGH)
def relay(context: typer.Context) -> None:
    """Hand events from the outbox to the broker, until stopped."""
    manage_django(["relay", *context.args])


@app.command("import", context_settings=PASS_THROUGH)
def import_data(context: typer.Context) -> None:
    """Import data: noren import online-retail FILE --tenant NAME."""
    kind, *rest = context.args or ["--help"]
    if kind in {"--help", "-h"}:
        typer.echo(context.get_help())
        raise typer.Exit
    manage_django([f"import_{kind.replace('-', '_')}", *rest])


@app.command(context_settings=PASS_THROUGH)
def verify(context: typer.Context) -> None:
    """Check the live data: noren verify stock|totals|numbers|isolation|ratings [--json]."""
    manage_django(["verify", *context.args])


@app.command(context_settings=PASS_THROUGH)
def demo(context: typer.Context) -> None:
    """Load the demo data, or give its users new passwords if demo.json is gone."""
    arguments = list(context.args)
    if "--credentials" not in arguments:
        arguments += ["--credentials", str(home() / "demo.json")]
    manage_django(["load_demo", *arguments])


@app.command()
def schema(
    check: Annotated[Path | None, typer.Option(help="Fail unless this file is up to date.")] = None,
    write: Annotated[Path | None, typer.Option(help="Write the schema to this file.")] = None,
) -> None:
    """Generate the OpenAPI description of the API; print it unless told otherwise."""
    from noren_kit.stack.commands import command_environment

    with command_environment(home(), SETTINGS, needs_database=False):
        import django
        from django.core.management import call_command

        django.setup()
        output = io.StringIO()
        call_command("spectacular", validate=True, fail_on_warn=True, stdout=output)
    text = output.getvalue()
    if check is not None:
        compare(check, text, "noren schema --write")
    if write is not None:
        write.parent.mkdir(parents=True, exist_ok=True)
        write.write_text(text, encoding="utf-8")
    if check is None and write is None:
        typer.echo(text, nl=False)


@database_app.command()
def bootstrap(
    print_sql: Annotated[
        bool, typer.Option("--print-sql", help="Print a script for psql instead of running it.")
    ] = False,
    database: Annotated[str, typer.Option(help="Name of the database.")] = "noren",
) -> None:
    """Make the roles, the database and the grants, as DATABASE_ADMIN_URL.

    The roles' passwords are those in DATABASE_URL and the other addresses. Safe to repeat.
    """
    from noren_kit.db import roles

    passwords = roles.passwords_of(os.environ)
    if print_sql:
        typer.echo(roles.bootstrap_sql(database, passwords), nl=False)
        return
    admin_url = os.environ.get("DATABASE_ADMIN_URL")
    if not admin_url:
        raise roles.RolesError("DATABASE_ADMIN_URL is not set; or print the SQL (--print-sql).")
    roles.bootstrap(admin_url, database, passwords)
    typer.echo(f"Roles, database {database} and grants are as they should be.")


@database_app.command()
def promoted(
    database: Annotated[str, typer.Option(help="Name of the database.")] = "noren",
) -> None:
    """After a standby became the primary, as DATABASE_ADMIN_URL: no answer kept before is found."""
    from noren_kit.backup.folders import BackupError
    from noren_kit.backup.whole import take_over

    admin_url = os.environ.get("DATABASE_ADMIN_URL")
    if not admin_url:
        raise BackupError("DATABASE_ADMIN_URL is not set: revisions are raised by a superuser.")
    take_over(admin_url, database)
    typer.echo(f"{database}: answers are made anew.")


@app.command()
def backup(
    folder: Annotated[Path, typer.Argument(help="A new folder.")],
    tenant: Annotated[str, typer.Option(help="One tenant's slug; the whole database if not.")] = "",
) -> None:
    """Copy the database, or one tenant, as of one moment, as DATABASE_BACKUP_URL."""
    from noren_kit.backup.folders import BackupError
    from noren_kit.backup.tenant import back_up_tenant
    from noren_kit.backup.whole import back_up

    with ExitStack() as cleanup:
        if not os.environ.get("DATABASE_BACKUP_URL"):
            from noren_kit.stack.commands import command_environment

            cleanup.enter_context(command_environment(home(), SETTINGS))
        url = os.environ.get("DATABASE_BACKUP_URL")
        if not url:
            raise BackupError("DATABASE_BACKUP_URL is not set: a backup is made as its role.")
        made = back_up_tenant(url, tenant, folder) if tenant else back_up(url, folder)
    typer.echo(f"{folder}: {len(made.tenants)} tenants, {made.rows} rows.")


@app.command()
def restore(
    folder: Annotated[Path, typer.Argument(help="What `noren backup` made.")],
    database: Annotated[str, typer.Option(help="Name of the database.")] = "noren",
    tenant: Annotated[bool, typer.Option("--tenant", help="It is one tenant's.")] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="With --tenant: first remove what there is of it.")
    ] = False,
) -> None:
    """Give a database, or one tenant, back as it was, as DATABASE_ADMIN_URL, and compare."""
    from noren_kit.backup.folders import BackupError
    from noren_kit.backup.tenant import restore_tenant
    from noren_kit.backup.whole import restore as restore_all

    url = os.environ.get("DATABASE_ADMIN_URL")
    if not url:
        raise BackupError("DATABASE_ADMIN_URL is not set: restoring takes a superuser.")
    if replace and not tenant:
        raise BackupError("--replace is for one tenant: a whole database goes into an empty one.")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", SETTINGS)
    if tenant:
        made = restore_tenant(url, database, folder, replace=replace)
    else:
        made = restore_all(url, database, folder)
    typer.echo(f"{database}: {len(made.tenants)} tenants, {made.rows} rows, as they were.")


def main() -> None:
    """Entry point; turns errors that a person can act on into one sentence and exit code 1."""
    from django.core.exceptions import ImproperlyConfigured

    try:
        if sys.argv[1:2] != ["config"]:
            _take_in_files()
        app()
    except (RuntimeError, ImproperlyConfigured) as error:
        from noren_kit.backup.folders import BackupError
        from noren_kit.core.starting import StartRefused
        from noren_kit.db.roles import RolesError
        from noren_kit.stack.errors import StackError

        known = StackError | RolesError | StartRefused | BackupError | ImproperlyConfigured
        if not isinstance(error, known):
            raise
        typer.echo(f"noren: {error}", err=True)
        sys.exit(1)


def _take_in_files() -> None:
    """What follows looks at DATABASE_URL and the like alone, not at DATABASE_URL_FILE."""
    if any(name.endswith("_FILE") for name in os.environ):
        from noren.config.variables import TABLE

        TABLE.take_in_files(os.environ)


if __name__ == "__main__":
    main()
