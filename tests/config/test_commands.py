"""`noren config` as somebody types it."""

from __future__ import annotations

from pathlib import Path

from processes import NOREN, production, run

from noren_kit.core.variables import HIDDEN

PAGE = Path(__file__).parents[2] / "docs" / "guides" / "settings.md"


def test_check_names_all_that_is_wrong_and_fails() -> None:
    given = production(SECRET_KEY="short", ALLOWED_HOSTS="*", DATABASE_RELAY_URL=None)
    done = run((*NOREN, "config", "check"), given)
    assert done.returncode == 1
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == [
        "SECRET_KEY",
        "ALLOWED_HOSTS",
        "DATABASE_RELAY_URL",
    ]
    assert "Traceback" not in done.stderr
    assert "short" not in done.stderr


def test_check_is_content_with_what_production_needs() -> None:
    done = run((*NOREN, "config", "check"), production())
    assert (done.returncode, done.stderr) == (0, "")


def test_show_hides_secrets() -> None:
    given = production(REDIS_URL="redis://:hush@redis.example/0")
    done = run((*NOREN, "config", "show"), given)
    assert done.returncode == 0, done.stderr
    for secret in (given["SECRET_KEY"], given["JWT_PRIVATE_KEY"][40:80], "hush"):
        assert secret not in done.stdout
    assert f"REDIS_URL=redis://:{HIDDEN}@redis.example/0  # environment" in done.stdout
    assert "LOG_LEVEL=INFO  # default" in done.stdout


def test_the_page_of_settings_is_that_of_the_table() -> None:
    done = run((*NOREN, "config", "table", "--check", str(PAGE)), production())
    assert done.returncode == 0, done.stderr


def test_commands_take_secrets_from_files_and_need_no_other_roles(tmp_path: Path) -> None:
    given = production(DATABASE_OWNER_URL=None, DATABASE_RELAY_URL=None, NOREN_HOME="/proc/none")
    for name in ("SECRET_KEY", "DATABASE_URL"):
        (tmp_path / name).write_text(given.pop(name))
        given[f"{name}_FILE"] = str(tmp_path / name)
    done = run((*NOREN, "verify", "isolation"), given)
    assert done.returncode == 0, done.stderr
