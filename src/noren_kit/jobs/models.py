"""Jobs: long work on a source, that goes on where it stopped, and what it could not bring in.

The rows are the job's only memory: whoever runs it next, after a kill too, reads them first.
"""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from noren_kit.db.constraints import AppendOnly
from noren_kit.db.fields import TenantForeignKey
from noren_kit.tenancy.models import TenantModel, TenantRow


class Job(TenantModel):
    """One source being brought in. `position` is its last line that is settled.

    A line is settled once it is stored or has an issue, in the transaction that moved
    `position`. The source is known by its content: `source_size` bytes with `source_sha256`,
    unpacked.
    """

    revises = ""
    # Progress, step by step: the rows that were brought in have a history of their own.
    history_ignores = ("position", "lines_settled", "lines_refused")

    class Status(models.TextChoices):
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")

    kind = models.CharField(max_length=50)
    source_name = models.CharField(max_length=255)
    source_size = models.BigIntegerField()
    source_sha256 = models.CharField(max_length=64)
    options = models.JSONField(default=dict)
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.RUNNING)
    position = models.BigIntegerField(default=0)
    lines_settled = models.BigIntegerField(default=0)
    lines_refused = models.BigIntegerField(default=0)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    last_error = models.TextField(blank=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.CheckConstraint(
                condition=Q(lines_refused__gte=0) & Q(lines_settled__gte=F("lines_refused")),
                name="jobs_job_counters",
            )
        ]
        indexes = [
            models.Index(fields=["tenant", "kind", "created_at"], name="jobs_job_kind_created_at")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.source_name}: {self.status}"


class JobIssue(TenantRow):
    """A record of the source that was not brought in, and why. Append-only.

    `line` and `last_line` are the file's (the header is line 1); `raw` is the record as it
    stands there, by column name where its columns are the header's.
    """

    unrecorded = "A job's own log of what it refused."

    job = TenantForeignKey(Job, on_delete=models.CASCADE, related_name="issues")
    line = models.BigIntegerField()
    last_line = models.BigIntegerField()
    code = models.CharField(max_length=50)
    reason = models.CharField(max_length=500)
    raw = models.JSONField()

    class Meta(TenantRow.Meta):
        ordering = ["line"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "job", "line"], name="jobs_jobissue_job_line"
            ),
            AppendOnly(name="jobs_jobissue_append_only"),
        ]

    def __str__(self) -> str:
        return f"{self.line}: {self.code}"
