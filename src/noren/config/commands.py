"""`noren config`: what the environment says, and what is wrong with it, before anything starts.

Heavy imports wait until a command needs them.
"""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="The settings, from the environment.")

_INTRODUCTION = """\
# Settings

Settings come from variables of the environment. `noren config check` names everything that is \
wrong with them before anything starts; production refuses to start with it. `noren config show` \
prints what holds, without secrets. `NAME_FILE` may name a file that holds the value of `NAME`, \
for every variable below. "Needed by" names the processes that can't do without a variable \
(`noren config check --for web`); give each process its own and no more: only the migration job \
holds the owner's address.

Lists are parted by commas; flags are `true` or `false`. This page is generated: `noren config \
table --write docs/guides/settings.md`.

"""


def compare(file: Path, text: str, remedy: str) -> None:
    """Exit with 1 and the first differences unless the file holds this text."""
    found = file.read_text(encoding="utf-8") if file.exists() else ""
    if found == text:
        return
    difference = difflib.unified_diff(
        found.splitlines(), text.splitlines(), str(file), "generated", lineterm=""
    )
    typer.echo("\n".join(list(difference)[:60]), err=True)
    typer.echo(f"\n{file} is out of date: {remedy} {file}", err=True)
    raise typer.Exit(1)


@app.command()
def check(
    process: Annotated[
        str, typer.Option("--for", help="web, worker, beat, relay, migrate; all if empty.")
    ] = "",
) -> None:
    """Say everything that production would refuse, each with its variable; exit status 1 if any."""
    from noren.config.variables import PROCESSES, TABLE

    if process and process not in PROCESSES:
        raise typer.BadParameter(f"none of {', '.join(PROCESSES)}", param_hint="--for")
    asked = [process] if process else PROCESSES
    faults = [fault for each in asked for fault in TABLE.faults(os.environ, process=each)]
    for fault in dict.fromkeys(faults):
        typer.echo(fault, err=True)
    if faults:
        raise typer.Exit(1)
    typer.echo("The settings are as production needs them.")


@app.command()
def show() -> None:
    """Print every variable, what it is and where it comes from; secrets are hidden."""
    from django.core.exceptions import ImproperlyConfigured

    from noren.config.variables import TABLE

    for variable in TABLE:
        source = variable.source(os.environ)
        try:
            shown = variable.shown(os.environ)
        except ImproperlyConfigured as error:
            shown, source = "", str(error)
        typer.echo(f"{variable.name}={shown}  # {source}")


@app.command()
def table(
    check: Annotated[Path | None, typer.Option(help="Fail unless this file is up to date.")] = None,
    write: Annotated[Path | None, typer.Option(help="Write the page to this file.")] = None,
) -> None:
    """Generate the documentation of the variables; print it unless told otherwise."""
    from noren.config.variables import TABLE

    text = _INTRODUCTION + TABLE.markdown().rstrip("\n") + "\n"
    if check is not None:
        compare(check, text, "noren config table --write")
    if write is not None:
        write.write_text(text, encoding="utf-8")
    if check is None and write is None:
        typer.echo(text, nl=False)
