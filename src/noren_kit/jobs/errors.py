"""What stops a job; each message says what to do."""

from __future__ import annotations


class JobError(RuntimeError):
    """The job can't go on; what it had committed stays, and running it again goes on."""


class SourceUnreadable(JobError):
    """The source is no readable file of the expected kind; the message names line and fault."""


class JobTaken(JobError):
    """Another process is running the same job."""
