"""A real worker says what becomes of a scheduled task, and every scheduled task is one it knows."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings

from noren.config.celery import app
from noren_kit.stack.process import GuardedProcess
from noren_kit.testing.plugin import OwnerConnection
from noren_kit.testing.shops import Shop

NAME = "idempotency.sweep"
WORKER = "-m celery --quiet -A noren.config.celery worker --pool solo --without-gossip"


def await_state(task_id: str, state: str) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while True:
        found: dict[str, Any] = app.backend.get_task_meta(task_id, cache=False)
        if found["status"] == state:
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.05)


def test_a_task_is_seen_to_start_and_to_end(shop: Shop, tmp_path: Path) -> None:
    argv = [sys.executable, *WORKER.split(), "--without-mingle", "--queues", "test-states"]
    with (tmp_path / "log").open("wb") as output:
        worker = GuardedProcess(argv, env=os.environ, output=output)
        worker.start()
        try:
            with psycopg.connect(os.environ["DATABASE_OWNER_URL"]) as owner:
                owner.execute("LOCK TABLE idempotency_keptanswer IN ACCESS EXCLUSIVE MODE")
                sent = app.send_task(NAME, queue="test-states")
                await_state(sent.id, "STARTED")
                owner.rollback()
            assert await_state(sent.id, "SUCCESS")["result"] == 0
        finally:
            worker.stop()


def test_nothing_but_json_is_taken() -> None:
    assert app.conf.accept_content == ["json"]
    assert (app.conf.task_serializer, app.conf.result_serializer) == ("json", "json")
    assert app.conf.task_time_limit == 30 * 60


def test_every_scheduled_task_exists() -> None:
    app.loader.import_default_modules()
    scheduled = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert scheduled <= set(app.tasks)
    assert NAME in scheduled


def test_a_worker_keeps_its_connection_and_finds_another(
    shop: Shop, owner: OwnerConnection, tmp_path: Path
) -> None:
    def held() -> set[int]:
        found = owner.admin.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = %s AND usename LIKE 'noren%%'"
            " AND pid <> ALL(%s)",
            [owner.connection.info.dbname, before],
        )
        return {pid for (pid,) in found}

    def run() -> None:
        await_state(app.send_task(NAME, queue="test-connections").id, "SUCCESS")

    before: list[int] = []
    before += held()
    argv = [sys.executable, *WORKER.split(), "--without-mingle", "--queues", "test-connections"]
    with (tmp_path / "log").open("wb") as output:
        worker = GuardedProcess(argv, env=os.environ, output=output)
        worker.start()
        try:
            run()
            first = held()
            assert len(first) == 1
            run()
            assert held() == first
            owner.admin.execute("SELECT pg_terminate_backend(pid) FROM unnest(%s) pid", [[*first]])
            run()
            assert len(held() - first) == 1
        finally:
            worker.stop()
