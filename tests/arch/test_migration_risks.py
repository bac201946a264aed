"""Migrations that would hold others up are refused; those that wait for a lock give way."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from django.contrib.postgres import functions as postgres_functions
from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.core.management import CommandError, call_command
from django.db import migrations, models
from django.db.models import functions

from noren_kit.db.constraints import AppendOnly, BinIndex, CompositeTenantForeignKey
from noren_kit.db.fields import TenantForeignKey
from noren_kit.db.migration_risks import risks_of
from noren_kit.testing.plugin import OwnerConnection

INDEX = models.Index(fields=["name"], name="thing_name")
CHECK = models.CheckConstraint(condition=models.Q(size__gt=0), name="thing_size")
KEY = CompositeTenantForeignKey(name="thing_owner", field="owner")


def new_column(field: models.Field[Any, Any]) -> migrations.AddField:
    return migrations.AddField("thing", "size", field)


RISKY: dict[str, Any] = {
    "an index": migrations.AddIndex("thing", INDEX),
    "a check": migrations.AddConstraint("thing", CHECK),
    "a column that must be filled": migrations.AddField("thing", "size", models.IntegerField()),
    "a column less": migrations.RemoveField("thing", "size"),
    "a new name": migrations.RenameField("thing", "size", "width"),
    "another type": migrations.AlterField("thing", "size", models.BigIntegerField()),
    "a table less": migrations.DeleteModel("thing"),
    "Python": migrations.RunPython(migrations.RunPython.noop),
    "an index in SQL": migrations.RunSQL("CREATE INDEX i ON thing (name)"),
    "a constraint in SQL": migrations.RunSQL("ALTER TABLE thing ADD CONSTRAINT c CHECK (a > 0)"),
    "not null in SQL": migrations.RunSQL("ALTER TABLE thing ALTER a SET NOT NULL"),
    "a type in SQL": migrations.RunSQL("ALTER TABLE thing ALTER COLUMN a TYPE bigint"),
    "a key in a new column in SQL": migrations.RunSQL(
        "ALTER TABLE thing ADD COLUMN a numeric(10, 2) NULL REFERENCES other (id)"
    ),
    "a unique column in SQL": migrations.RunSQL("ALTER TABLE thing ADD a bigint UNIQUE"),
    "a volatile default in SQL": migrations.RunSQL(
        "ALTER TABLE thing ADD COLUMN IF NOT EXISTS a uuid DEFAULT gen_random_uuid()"
    ),
    "a series in SQL": migrations.RunSQL("ALTER TABLE thing ADD COLUMN a bigserial"),
    "a constraint less in SQL": migrations.RunSQL("ALTER TABLE thing DROP CONSTRAINT c"),
    "a type without its word": migrations.RunSQL("ALTER TABLE thing ALTER a TYPE bigint"),
    "a key in SQL": migrations.RunSQL("ALTER TABLE thing ADD PRIMARY KEY (a)"),
    "a constraint before one that is not checked": migrations.RunSQL(
        "ALTER TABLE thing ADD CONSTRAINT c CHECK (a > 0);"
        " ALTER TABLE thing ADD CONSTRAINT d CHECK (b > 0) NOT VALID"
    ),
    "everything gone": migrations.RunSQL("TRUNCATE thing"),
    "an index less": migrations.RemoveIndex("thing", "i"),
    "all rows": migrations.RunSQL(["SELECT 1", "UPDATE thing SET a = 1"]),
    "within a split": migrations.SeparateDatabaseAndState(
        database_operations=[migrations.RunSQL("DROP INDEX i")]
    ),
}
HARMLESS: dict[str, Any] = {
    "a table": migrations.CreateModel("other", [("id", models.AutoField(primary_key=True))]),
    "an empty column": migrations.AddField("thing", "size", models.IntegerField(null=True)),
    "a filled column": migrations.AddField("thing", "size", models.IntegerField(db_default=1)),
    "a moment for all rows": new_column(models.DateTimeField(db_default=functions.Now())),
    "a computed constant": new_column(
        models.TextField(db_default=functions.Upper(models.Value("a")))
    ),
    "a reference without its key": new_column(
        models.ForeignKey("other", models.CASCADE, null=True, db_constraint=False, db_index=False)
    ),
    "a reference as ours are": new_column(TenantForeignKey("other", null=True)),
    "links in a table of their own": new_column(models.ManyToManyField("other")),
    "rights": migrations.AddConstraint("thing", AppendOnly(name="thing_append_only")),
    "an index less beside": RemoveIndexConcurrently("thing", "i"),
    "a plain column in SQL": migrations.RunSQL(
        "ALTER TABLE thing ADD COLUMN a numeric(10, 2) DEFAULT 0, ADD COLUMN b timestamptz"
        " DEFAULT now(), ADD CONSTRAINT c UNIQUE USING INDEX i"
    ),
    "an index beside": AddIndexConcurrently("thing", INDEX),
    "an index beside in SQL": migrations.RunSQL("CREATE INDEX CONCURRENTLY i ON thing (name)"),
    "not checked yet": migrations.RunSQL(
        "ALTER TABLE thing ADD CONSTRAINT c CHECK (a > 0) NOT VALID"
    ),
    "a function": migrations.RunSQL(
        "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS $$ UPDATE thing SET a = 1 $$"
    ),
}


# The remedy that each is told.
TOLD: dict[str, tuple[Any, list[str]]] = {
    "a nullable key": (
        new_column(models.ForeignKey("other", models.CASCADE, null=True)),
        ["NOT VALID", "AddIndexConcurrently"],
    ),
    "a nullable key without an index": (
        new_column(models.ForeignKey("other", models.CASCADE, null=True, db_index=False)),
        ["NOT VALID"],
    ),
    "a key with a default": (
        new_column(models.ForeignKey("other", models.CASCADE, db_default=1, db_index=False)),
        ["checks all rows"],
    ),
    "one to one": (
        new_column(models.OneToOneField("other", models.CASCADE, null=True)),
        ["NOT VALID", "concurrently, and use it"],
    ),
    "a tenant's key": (migrations.AddConstraint("thing", KEY), ["NOT VALID"]),
    "a bin": (migrations.AddConstraint("thing", BinIndex(name="b")), ["concurrently"]),
    "a unique column": (
        new_column(models.IntegerField(null=True, unique=True)),
        ["concurrently, and use it"],
    ),
    "an indexed column": (
        new_column(models.IntegerField(null=True, db_index=True)),
        ["AddIndexConcurrently"],
    ),
    "a volatile default": (
        new_column(models.UUIDField(db_default=postgres_functions.RandomUUID())),
        ["in batches"],
    ),
    "a volatile part of a default": (
        new_column(models.FloatField(db_default=1 + functions.Random())),
        ["in batches"],
    ),
    "a default that nobody knows": (
        new_column(models.TextField(db_default=models.Func(function="whatever"))),
        ["in batches"],
    ),
    "a generated column": (
        new_column(
            models.GeneratedField(
                expression=models.F("id") * 2, output_field=models.IntegerField(), db_persist=True
            )
        ),
        ["rewrites"],
    ),
    "a constraint less": (migrations.RemoveConstraint("thing", "thing_size"), ["gives way"]),
    "an index less": (migrations.RemoveIndex("thing", "i"), ["RemoveIndexConcurrently"]),
}


def migration(*operations: Any) -> migrations.Migration:
    made = migrations.Migration("0001_initial", "things")
    made.operations = list(operations)
    return made


@pytest.mark.parametrize("name", RISKY)
def test_risky(name: str) -> None:
    assert risks_of(migration(RISKY[name]))


@pytest.mark.parametrize("name", TOLD)
def test_each_is_told_its_remedy(name: str) -> None:
    operation, remedies = TOLD[name]
    found = risks_of(migration(operation))
    assert [risk.model for risk in found] == ["thing"] * len(remedies)
    for risk, remedy in zip(found, remedies, strict=True):
        assert remedy in str(risk)


@pytest.mark.parametrize("name", HARMLESS)
def test_harmless(name: str) -> None:
    assert risks_of(migration(HARMLESS[name])) == []


def test_a_new_table_is_nobodys() -> None:
    made = migrations.CreateModel("Thing", [("id", models.AutoField(primary_key=True))])
    later = [operation for operation, _remedies in TOLD.values()]
    assert risks_of(migration(made, RISKY["an index"], RISKY["a check"], *later)) == []


def test_ours_hold_nobody_up(tmp_path: Path) -> None:
    """And the check can fail: without a baseline it names those of the first release."""
    baseline = Path(__file__).parents[2] / "src" / "noren" / "migrations.txt"
    call_command("lint_migrations", str(baseline), stdout=io.StringIO())
    (tmp_path / "none").write_text("catalog.0000_never\n")
    with pytest.raises(CommandError, match="was released and is gone") as refused:
        call_command("lint_migrations", str(tmp_path / "none"))
    assert "NOT VALID" in str(refused.value)


@pytest.fixture
def late(tmp_path: Path, owner: OwnerConnection) -> Any:
    """An app with a table, and a migration that is still to come; a process that migrates it."""
    folder = tmp_path / "late" / "migrations"
    folder.mkdir(parents=True)
    (tmp_path / "late" / "__init__.py").touch()
    (folder / "__init__.py").touch()
    (tmp_path / "late_settings.py").write_text(
        f"from {os.environ['DJANGO_SETTINGS_MODULE']} import *\n"
        "INSTALLED_APPS = [*INSTALLED_APPS, 'late']\n"
    )
    head = "from django.db import migrations, models\nclass Migration(migrations.Migration):\n"
    (folder / "0001_initial.py").write_text(
        head + "    operations = [migrations.CreateModel('Thing', [('id',"
        " models.BigAutoField(primary_key=True))])]\n"
    )
    (folder / "0002_size.py").write_text(
        head + "    dependencies = [('late', '0001_initial')]\n    operations = ["
        "migrations.AddField('thing', 'size', models.IntegerField()),"
        "migrations.AddIndex('thing', models.Index(fields=['size'], name='late_size'))]\n"
    )
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "late_settings",
        "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]),
    }

    def start(*arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "django", "migrate", "late", *arguments]
        return subprocess.Popen(
            [*command, "--database", "owner"],
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    first = start("0001")
    assert first.wait(60) == 0, first.communicate()
    yield start
    owner.connection.execute("DROP TABLE late_thing")
    owner.connection.execute("DELETE FROM django_migrations WHERE app = 'late'")


def test_a_migration_gives_way(late: Any, owner: OwnerConnection) -> None:
    assert owner.admin is not None
    with owner.connection.transaction():
        owner.connection.execute("SELECT * FROM late_thing")  # A reader that does not end.
        process = late("--lock-seconds", "0.3")
        slowest = 0.0
        ends = time.monotonic() + 4
        while time.monotonic() < ends:
            began = time.monotonic()
            owner.admin.execute("SELECT * FROM late_thing")
            slowest = max(slowest, time.monotonic() - began)
            time.sleep(0.02)
        assert process.poll() is None
    _output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert "Others go first" in errors
    # Readers waited behind it for as long as it waited, and no longer.
    assert slowest < 1.5
    owner.connection.execute("SELECT size FROM late_thing")


def test_a_migration_that_never_gets_its_lock(late: Any, owner: OwnerConnection) -> None:
    with owner.connection.transaction():
        owner.connection.execute("SELECT * FROM late_thing")
        process = late("--lock-seconds", "0.1", "--attempts", "2")
        _output, errors = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "Given up after 2 tries" in errors
    sizes = "SELECT FROM information_schema.columns WHERE column_name = 'size'"
    assert owner.connection.execute(f"{sizes} AND table_name = 'late_thing'").fetchone() is None


def test_a_plan_tells_its_risks(late: Any) -> None:
    output, errors = late("--plan").communicate(timeout=60)
    assert "RISK late.0002_size" in output, errors
    assert "db_default" in output
    assert "AddIndexConcurrently" in output
    assert "rows or so" in output
