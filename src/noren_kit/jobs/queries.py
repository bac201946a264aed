"""Reads of jobs and their reports."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

from django.db.models import Count

from noren_kit.jobs.models import Job, JobIssue


def find_job(job_id: uuid.UUID) -> Job:
    """The job as it stands; raises `Job.DoesNotExist`."""
    job: Job = Job.objects.get(id=job_id)
    return job


def list_jobs(kind: str) -> list[Job]:
    """The tenant's jobs of a kind, oldest first."""
    return list(Job.objects.filter(kind=kind).order_by("created_at", "id"))


def list_issues(job_id: uuid.UUID) -> Iterator[JobIssue]:
    """A job's report in the order of the file, as a stream; inside a transaction."""
    issues: Iterator[JobIssue] = JobIssue.objects.filter(job_id=job_id).iterator(chunk_size=2_000)
    return issues


def count_issues(job_id: uuid.UUID) -> dict[str, int]:
    """How many records a job left out, by code."""
    found = JobIssue.objects.filter(job_id=job_id).order_by("code").values_list("code")
    return dict(found.annotate(Count("id")))
