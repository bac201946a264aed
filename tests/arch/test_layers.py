"""Who may know whom, where an import graph can't see it: in models' references.

A foreign key by string is no import, so import-linter misses it; the layers are those of its
contracts (pyproject.toml).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.db import models

SRC = Path(__file__).parents[2] / "src"
# From the highest to the lowest; a model refers to its own app or to one further down.
KIT = (
    "noren_kit.jobs",
    "noren_kit.idempotency",
    "noren_kit.search",
    "noren_kit.outbox",
    "noren_kit.accounts",
    "noren_kit.audit",
    "noren_kit.tenancy",
)
LAYERS = ("noren.orders", "noren.catalog", "noren.inventory", *KIT)
# ActorField says by string who made a row: `accounts` stands above `tenancy`, whose base class
# declares the field, and no tenancy table has one of its own.
MODELS = [model for model in apps.get_models(include_auto_created=True) if model._meta.managed]


def layer(model: type[models.Model]) -> str:
    return model._meta.app_config.name  # type: ignore[union-attr]


def references() -> Iterator[tuple[type[models.Model], str, type[models.Model]]]:
    for model in MODELS:
        for field in (*model._meta.local_fields, *model._meta.local_many_to_many):
            if isinstance(field.related_model, type):
                yield model, field.name, field.related_model


def test_every_app_with_tables_has_a_layer() -> None:
    assert {layer(model) for model in MODELS} <= set(LAYERS)


def test_references_point_down() -> None:
    upward = [
        f"{model._meta.label}.{name} → {target._meta.label}"
        for model, name, target in references()
        if LAYERS.index(layer(model)) > LAYERS.index(layer(target))
    ]
    assert upward == []


def test_the_kit_refers_to_nothing_of_the_shop() -> None:
    assert [
        f"{model._meta.label}.{name}"
        for model, name, target in references()
        if layer(model) in KIT and layer(target) not in KIT
    ] == []


def imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def files_of(role: str) -> list[Path]:
    """The files of a role in every app: `queries.py`, or a package of that name."""
    found = [*SRC.glob(f"noren/*/{role}.py"), *SRC.glob(f"noren/*/{role}/**/*.py")]
    return [file for file in found if file.parent.parent.name != "config"]


@pytest.mark.parametrize("role", ["models", "queries", "services", "events", "errors"])
def test_what_is_below_http_does_not_know_it(role: str) -> None:
    files = files_of(role)
    assert files
    knowing = {
        str(file.relative_to(SRC)): name
        for file in files
        for name in imported(file)
        if name.split(".")[0] in ("rest_framework", "drf_spectacular", "django_filters")
        or name.startswith(("django.http", "noren_kit.api", "noren_kit.endpoints"))
    }
    assert knowing == {}


@pytest.mark.parametrize(("folder", "most"), [("src", 400), ("tests", 600)], ids=["src", "tests"])
def test_files_are_short(folder: str, most: int) -> None:
    files = [
        file for file in (SRC.parent / folder).rglob("*.py") if file.parent.name != "migrations"
    ]
    assert len(files) > 20
    long = {
        str(file.relative_to(SRC.parent)): lines
        for file in files
        if (lines := len(file.read_text(encoding="utf-8").splitlines())) > most
    }
    assert long == {}


def functions(file: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{file.relative_to(SRC)}:{node.name}", (node.end_lineno or 0) - node.lineno + 1


def test_functions_are_short() -> None:
    files = [file for file in SRC.rglob("*.py") if file.parent.name != "migrations"]
    long = {name: lines for file in files for name, lines in functions(file) if lines > 50}
    assert long == {}


def test_every_module_says_why_it_exists() -> None:
    """But for empty packages and the two lines that configure an app."""
    silent = [
        str(file.relative_to(SRC))
        for file in SRC.rglob("*.py")
        if file.parent.name != "migrations"
        and file.name != "apps.py"
        and (text := file.read_text(encoding="utf-8")).strip()
        and ast.get_docstring(ast.parse(text)) is None
    ]
    assert silent == []


def test_no_file_names_a_vague_place() -> None:
    vague = {"utils", "util", "common", "helpers", "helper", "manager", "custom", "misc"}
    assert [
        str(path.relative_to(SRC)) for path in SRC.rglob("*") if path.stem.lower() in vague
    ] == []
