"""The tenant's logs: of access (who came in, who was refused, who was given which right) and of
changes (who wrote what)."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from noren_kit.db.constraints import WrittenByAudit
from noren_kit.db.fields import TenantField
from noren_kit.db.history import ExactDecoder
from noren_kit.tenancy.models import TenantRow


class AccessEntry(TenantRow):
    """One access to a tenant, or one change of who may access it. Append-only.

    Written by the functions of `recording` alone; the application may not insert, so that an
    entry can't be forged through it. `actor_id` is the person, `credential_id` their sign-in
    session or API key; both may be gone by the time somebody reads this, so nothing refers.
    """

    unrecorded = "A log itself."

    class Kind(models.TextChoices):
        SIGNED_IN = "signed_in", _("signed in")
        SIGN_IN_FAILED = "sign_in_failed", _("sign-in failed")
        SIGNED_OUT = "signed_out", _("signed out")
        SIGNED_OUT_EVERYWHERE = "signed_out_everywhere", _("signed out everywhere")
        TOKEN_REUSED = "token_reused", _("a spent token was presented again")
        PASSWORD_CHANGED = "password_changed", _("password changed")
        MEMBER_INVITED = "member_invited", _("member invited")
        MEMBER_JOINED = "member_joined", _("member joined")
        MEMBER_CHANGED = "member_changed", _("member changed")
        MEMBER_REMOVED = "member_removed", _("member removed")
        ROLE_CREATED = "role_created", _("role created")
        ROLE_CHANGED = "role_changed", _("role changed")
        ROLE_DELETED = "role_deleted", _("role deleted")
        KEY_CREATED = "key_created", _("API key created")
        KEY_CHANGED = "key_changed", _("API key changed")
        KEY_ROTATED = "key_rotated", _("API key rotated")
        KEY_REVOKED = "key_revoked", _("API key revoked")
        KEY_USED = "key_used", _("API key used")
        PLATFORM_ENTERED = "platform_entered", _("platform staff entered")
        TENANT_CREATED = "tenant_created", _("tenant created")
        TENANT_CHANGED = "tenant_changed", _("tenant changed")
        TENANT_SUSPENDED = "tenant_suspended", _("tenant suspended")
        TENANT_RESUMED = "tenant_resumed", _("tenant resumed")

    kind = models.CharField(max_length=40, choices=Kind.choices)
    occurred_at = models.DateTimeField()
    actor_id = models.UUIDField(null=True)
    actor_name = models.CharField(max_length=200, blank=True)
    credential_id = models.UUIDField(null=True)
    # Of the client; empty where there was none, as in a command.
    address = models.CharField(max_length=45, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    details = models.JSONField(default=dict)

    class Meta(TenantRow.Meta):
        constraints = [WrittenByAudit(name="audit_accessentry_written_by_audit")]
        indexes = [
            models.Index(fields=["tenant", "occurred_at"], name="audit_accessentry_occurred_at"),
            models.Index(
                fields=["tenant", "actor_id", "occurred_at"], name="audit_accessentry_actor_at"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.actor_name}"


class Change(TenantRow):
    """One row that was written, as it was and as it became. Append-only.

    Written by triggers alone (noren_kit.db.history). `old` and `new` are columns with PostgreSQL's
    JSON of their values: of an update those that changed, else all; null where there was no row
    before, or is none after. `id` is ordered by `at`, to the microsecond: a time range is a range
    of ids. Nothing refers: who wrote and what
    they wrote may be gone.
    """

    class Operation(models.TextChoices):
        INSERT = "insert", _("insert")
        UPDATE = "update", _("update")
        # Into the bin, or for good: then `new` is null.
        DELETE = "delete", _("delete")
        RESTORE = "restore", _("restore")

    unrecorded = "History itself."

    # Each follows from a row that has its tenant.
    tenant = TenantField(db_constraint=False)
    at = models.DateTimeField()
    resource = models.CharField(max_length=100)
    row_id = models.UUIDField()
    operation = models.CharField(max_length=8, choices=Operation.choices)
    old = models.JSONField(null=True, decoder=ExactDecoder)
    new = models.JSONField(null=True, decoder=ExactDecoder)
    actor_id = models.UUIDField(null=True)
    # Of that time; of a task or a command where nobody acted.
    actor_name = models.CharField(max_length=200, blank=True)
    credential_id = models.UUIDField(null=True)
    request_id = models.CharField(max_length=64, blank=True)
    db_role = models.CharField(max_length=63)

    class Meta(TenantRow.Meta):
        constraints = [WrittenByAudit(name="audit_change_written_by_audit")]
        indexes = [
            models.Index(fields=["tenant", "row_id", "id"], name="audit_change_row"),
            models.Index(fields=["tenant", "request_id", "id"], name="audit_change_request"),
        ]

    def __str__(self) -> str:
        return f"{self.operation} {self.resource} {self.row_id}"
