"""The purge of the bins as it runs at night: queued, in a worker process, over every tenant."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from django.conf import settings
from django.db import connection
from django.utils import timezone

from noren.catalog.models import Tag
from noren_kit.core.tasks import queue, tenant_headers
from noren_kit.softdelete.purging import BATCH
from noren_kit.testing.shops import Shop, make_shop

SECONDS = 60.0


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Path]:
    """A worker process with the rights of the application; yields its log."""
    redis.Redis.from_url(settings.REDIS_URL).delete("celery")
    log = tmp_path / "worker.log"
    options = "-A noren.config.celery worker --pool solo --without-gossip --without-mingle"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "celery", *options.split(), "--loglevel", "warning"],
            env=dict(os.environ),
            stdout=output,
            stderr=output,
        )
        try:
            yield log
        finally:
            process.kill()
            process.wait(30)


def bin_tags(shop: Shop, overdue: int, young: int = 1) -> None:
    now = timezone.now()
    with shop.entered():
        Tag.objects.bulk_create(
            Tag(name=f"t{at}", deleted_at=now - dt.timedelta(days=400 if at < overdue else 1))
            for at in range(overdue + young)
        )


def left(shop: Shop) -> int:
    with shop.entered():
        return int(Tag.every.count())


def wait_until(holds: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline, log.read_text()[-4_000:]
        time.sleep(0.1)


def test_every_tenants_bin_is_emptied_whatever_fails_before(worker: Path) -> None:
    """One has more than a batch; messages of a tenant that went, and of none, fail alone."""
    few, many = (make_shop(slug=slug, name=slug) for slug in ("few", "many"))
    for shop, overdue in ((few, 2), (many, BATCH + 1)):
        bin_tags(shop, overdue)
    with few.entered(), connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        (role,) = cursor.fetchone()
    assert role == "noren_app", "whose rights the worker has by the same DATABASE_URL"
    queue("softdelete.purge_bin", headers=tenant_headers(uuid.uuid4()))
    queue("softdelete.purge_bin")
    queue("softdelete.purge_bins")
    wait_until(lambda: (left(few), left(many)) == (1, 1), worker)
    written = worker.read_text()
    assert "TenantUnavailable" in written
    assert "TenantNotEntered" in written
