"""The tenant's log of access: who came in, who was refused, who was given which right."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from noren_kit.db.constraints import WrittenByAudit
from noren_kit.tenancy.models import TenantRow


class AccessEntry(TenantRow):
    """One access to a tenant, or one change of who may access it. Append-only.

    Written by the functions of `recording` alone; the application may not insert, so that an
    entry can't be forged through it. `actor_id` is the person, `credential_id` their sign-in
    session or API key; both may be gone by the time somebody reads this, so nothing refers.
    """

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
