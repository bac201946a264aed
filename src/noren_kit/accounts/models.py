"""People, the tenants they belong to, what they may do there, and their sign-in sessions."""

from __future__ import annotations

import unicodedata
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from noren_kit.core.ids import uuid7
from noren_kit.db.constraints import unique_in_tenant
from noren_kit.db.fields import TenantForeignKey
from noren_kit.db.revisions import RevisedForAll
from noren_kit.tenancy.models import TenantModel, TenantRow


def fold(text: str) -> str:
    """The form in which names and addresses are compared: NFKC, case-folded, trimmed.

    Unicode Standard, section 3.13, "Default Caseless Matching".
    """
    return unicodedata.normalize("NFKC", text).strip().casefold()


class UserManager(BaseUserManager["User"]):
    def create_user(self, username: str, password: str | None = None, **values: Any) -> User:
        user = self.model(username=username, **values)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, username: str, password: str, **values: Any) -> User:
        return self.create_user(username, password, is_staff=True, is_superuser=True, **values)


class User(AbstractBaseUser):
    """A person, in any number of tenants. `is_staff` and `is_superuser` are the platform's."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    username = models.CharField(max_length=150)
    username_folded = models.CharField(max_length=600, unique=True, editable=False)
    email = models.EmailField(blank=True)
    email_folded = models.CharField(max_length=600, unique=True, null=True, editable=False)
    name = models.CharField(max_length=200, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    is_superuser = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    # What other members see of a person.
    SHOWN = ("id", "username", "name")

    class Meta:
        ordering = ["id"]
        constraints = [
            # Of what makers of rows are shown by (`display_name`).
            RevisedForAll(
                name="accounts_user_revised",
                collection="accounts_user",
                columns=["name", "username"],
            )
        ]

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.fold_names()
        super().save(*args, **kwargs)

    def fold_names(self) -> None:
        """Set the columns by which people are found; to be called where `save` is not."""
        self.username_folded = fold(self.username)
        self.email_folded = fold(self.email) or None

    @property
    def display_name(self) -> str:
        return self.name or self.username


class Role(TenantModel):
    """A named set of rights in a tenant: one of the four built in, or the tenant's own."""

    revises = ""

    slug = models.SlugField(max_length=50)
    name = models.CharField(max_length=100)
    permissions = ArrayField(models.CharField(max_length=100), default=list, blank=True)

    class Meta(TenantModel.Meta):
        constraints = [unique_in_tenant("slug")]

    def __str__(self) -> str:
        return self.slug


class Membership(TenantModel):
    """A person in a tenant. Without one, the tenant does not exist for them.

    One without `accepted_at` is an invitation, and opens nothing yet. Until then the tenant
    sees what it wrote itself, `invited_email` and `invited_name`, and nothing of the person.
    """

    revises = ""
    # Of whom it is, until they accept, the tenant knows what it wrote itself.
    history_masks = ("user_id",)

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="memberships")
    accepted_at = models.DateTimeField(null=True, default=timezone.now, editable=False)
    invited_email = models.EmailField(blank=True, editable=False)
    invited_name = models.CharField(max_length=200, blank=True, editable=False)

    class Meta(TenantModel.Meta):
        constraints = [unique_in_tenant("user")]

    def __str__(self) -> str:
        return str(self.user_id)


class MembershipRole(TenantRow):
    """A role that a member holds."""

    membership = TenantForeignKey(Membership, on_delete=models.CASCADE, related_name="held")
    role = TenantForeignKey(Role, on_delete=models.CASCADE, related_name="+")

    class Meta(TenantRow.Meta):
        constraints = [unique_in_tenant("membership", "role", among_live=False)]

    def __str__(self) -> str:
        return f"{self.membership_id}: {self.role_id}"


class SignInSession(models.Model):
    """One sign-in and all tokens that came of it. A global table: it precedes the tenant.

    Only the refresh token whose `jti` stands here may be exchanged, by one conditional update,
    so of any number of parallel attempts one wins.
    """

    class Ending(models.TextChoices):
        SIGNED_OUT = "signed_out", _("signed out")
        PASSWORD = "password", _("the password was changed")
        REUSED = "reused", _("a spent token was presented again")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    tenant = models.ForeignKey("tenancy.Tenant", null=True, on_delete=models.CASCADE)
    jti = models.UUIDField()
    # The token before it, which for a few seconds still gets the same pair.
    previous_jti = models.UUIDField(null=True)
    rotated_at = models.DateTimeField(default=timezone.now)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(db_index=True)
    ended_at = models.DateTimeField(null=True)
    ending = models.CharField(max_length=16, choices=Ending.choices, blank=True)

    def __str__(self) -> str:
        return str(self.id)


class FailedSignIn(models.Model):
    """A sign-in that was refused, of a known person or not. A global table.

    Every refusal writes one row, so that all of them are the same work. What was typed as the
    account is not kept: people type passwords there.
    """

    class Reason(models.TextChoices):
        UNKNOWN = "unknown_user", _("unknown user")
        PASSWORD = "wrong_password", _("wrong password")
        DISABLED = "disabled_user", _("disabled user")
        NOT_A_MEMBER = "not_a_member", _("not a member of the tenant")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    occurred_at = models.DateTimeField(auto_now_add=True, db_index=True)
    user = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="+")
    reason = models.CharField(max_length=16, choices=Reason.choices)
    address = models.CharField(max_length=45, blank=True)
    request_id = models.CharField(max_length=64, blank=True)

    def __str__(self) -> str:
        return self.reason


class ApiKey(TenantModel):
    """A program's credential. It acts for its maker (`created_by`), within its scopes.

    The secret is kept as its SHA-256: it is long and random, so nothing slower is needed. After
    a rotation the one before still opens until `previous_expires_at`.
    """

    revises = ""
    derived = ("last_used_at",)
    history_masks = ("digest", "previous_digest")

    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=16, editable=False)
    digest = models.CharField(max_length=64, editable=False)
    previous_digest = models.CharField(max_length=64, blank=True, editable=False)
    previous_expires_at = models.DateTimeField(null=True, editable=False)
    scopes = ArrayField(models.CharField(max_length=100), default=list)
    # Networks (CIDR) that it may be used from; none stand for everywhere.
    networks = ArrayField(models.CharField(max_length=49), default=list, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, editable=False)

    class Meta(TenantModel.Meta):
        indexes = [models.Index(fields=["prefix"], name="accounts_apikey_prefix")]

    def __str__(self) -> str:
        return self.prefix
