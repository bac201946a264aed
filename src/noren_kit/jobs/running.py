"""Running an import: steps of work, each one transaction together with the job's position.

So a kill at any moment leaves whole steps, and whoever runs the job again goes on behind the
last of them. What is imported, an `Importer` knows; this module knows nothing of it.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from django.db import connection
from django.utils import timezone

from noren_kit.core import context
from noren_kit.db.locks import lock_in_tenant
from noren_kit.jobs.errors import JobError, JobTaken
from noren_kit.jobs.models import Job, JobIssue
from noren_kit.jobs.sources import Fingerprint
from noren_kit.tenancy.entering import enter

MAX_REASON = 500


@dataclass(frozen=True, slots=True)
class Issue:
    """A record that is not brought in, or with `kept` one that is, but not as it should be.

    `raw` holds text that JSON and PostgreSQL can store.
    """

    line: int
    last_line: int
    code: str
    reason: str
    raw: dict[str, Any]
    kept: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """Work for one transaction, after which the source is settled up to line `position`.

    `write` runs inside the tenant and returns the issues of the records that it left out. It
    must not commit, and settles `lines` records.
    """

    position: int
    lines: int
    write: Callable[[], Sequence[Issue]]


class Importer(Protocol):
    """Knows one kind of source. Named by `kind`; `options` are what the job was started with."""

    kind: str

    def steps(self, job: Job) -> Iterator[Step]:
        """The steps behind `job.position`, cut in the same places whenever they are asked for.

        A step that leaves `position` at 0 prepares, and must change nothing when it is
        repeated. The last step is committed together with the job's end.
        """


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run has come: settled lines of the job, and of this run, in `seconds`."""

    lines_settled: int
    lines_of_run: int
    seconds: float

    @property
    def rate(self) -> float:
        """Lines a second in this run."""
        return self.lines_of_run / self.seconds if self.seconds else 0.0


@dataclass(frozen=True, slots=True)
class Source:
    """What a job is about: the file's name, its content's fingerprint, the options."""

    name: str
    fingerprint: Fingerprint
    options: dict[str, Any] = field(default_factory=dict)


def start_job(kind: str, source: Source) -> Job:
    """The entered tenant's job for this content: the one begun earlier, or a new one.

    Two callers at once get the same job. Raises `JobError` where it was begun with other
    options: half of the source would follow each.
    """
    lock_in_tenant(f"jobs.{kind}")
    job: Job | None = Job.objects.filter(
        kind=kind,
        source_sha256=source.fingerprint.sha256,
        source_size=source.fingerprint.size,
    ).first()
    if job is None:
        job = Job.objects.create(
            kind=kind,
            source_name=source.name[-255:],
            source_size=source.fingerprint.size,
            source_sha256=source.fingerprint.sha256,
            options=source.options,
            started_at=timezone.now(),
        )
    elif job.options != source.options:
        raise JobError(
            f"This file's import was begun with {job.options or 'no options'};"
            f" it can't go on with {source.options or 'none'}."
        )
    return job


def run_job(job: Job, importer: Importer, progress: Callable[[Progress], None]) -> Job:
    """Do what is left of a job, and return it as it then stands; nothing if it is done.

    To be called outside of any transaction. Raises `JobTaken` where another process moved the
    job, and what the importer raises, which is noted on the job unless it is running elsewhere.
    """
    if connection.in_atomic_block:
        raise RuntimeError("A job commits step by step: run it outside of a transaction.")
    if job.status == Job.Status.DONE:
        return job
    try:
        return _run(job, importer, progress)
    except JobTaken:
        raise
    except Exception as error:
        _note_failure(job, error)
        raise


def _run(job: Job, importer: Importer, progress: Callable[[Progress], None]) -> Job:
    started, before = time.monotonic(), job.lines_settled
    steps = importer.steps(job)
    step = next(steps, None)
    while step is not None:
        # One step ahead: the last one is committed together with the job's end.
        following = next(steps, None)
        job = _commit(job, step, last=following is None)
        settled = job.lines_settled
        progress(Progress(settled, settled - before, time.monotonic() - started))
        step = following
    return job


def _commit(job: Job, step: Step, *, last: bool) -> Job:
    actor = context.actor()
    with context.request_scope(str(job.id)), enter(_tenant_of(job), actor=actor):
        held: Job = Job.objects.select_for_update(no_key=True).get(id=job.id)
        if (held.position, held.lines_settled) != (job.position, job.lines_settled):
            raise JobTaken(f"Another process is running this job ({job.id}).")
        _plan_anew()
        issues = step.write()
        if issues:
            _report(job, issues)
        held.position = step.position
        held.lines_settled += step.lines
        held.lines_refused += sum(not issue.kept for issue in issues)
        held.status = Job.Status.DONE if last else Job.Status.RUNNING
        held.finished_at = timezone.now() if last else None
        held.last_error = ""
        held.save()
    return held


def _tenant_of(job: Job) -> uuid.UUID:
    tenant_id: Any = job.tenant_id
    return uuid.UUID(str(tenant_id))


def _plan_anew() -> None:
    """Let PostgreSQL plan its checks of foreign keys again, now that tables have grown.

    A session keeps the plans that it made on nearly empty tables until somebody analyses them,
    which the application's role can't: without this, 540,000 lines into a new database took
    four times as long.
    """
    with connection.cursor() as cursor:
        cursor.execute("DISCARD PLANS")


def _report(job: Job, issues: Sequence[Issue]) -> None:
    JobIssue.objects.bulk_create(
        JobIssue(
            job=job,
            line=issue.line,
            last_line=issue.last_line,
            code=issue.code,
            reason=issue.reason[:MAX_REASON],
            raw=issue.raw,
        )
        for issue in issues
    )


def _note_failure(job: Job, error: Exception) -> None:
    with enter(_tenant_of(job), actor=context.actor()):
        Job.objects.filter(id=job.id).exclude(status=Job.Status.DONE).touch(
            status=Job.Status.FAILED, last_error=f"{type(error).__name__}: {error}"[:2_000]
        )
