"""Signing in by password: the credentials checked, then a session opened; two separate steps.

Whatever the reason of a refusal, it takes the same statements, one hash and a commit with a row
in it, so that neither answer nor time tells who exists. What may stand between the two steps (a
second factor) needs the first one's result alone.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.hashers import (
    UNUSABLE_PASSWORD_PREFIX,
    make_password,
    verify_password,
)
from django.db import connection, transaction
from psycopg.types.json import Jsonb

from noren_kit.accounts import tokens
from noren_kit.accounts.models import FailedSignIn, SignInSession, User, fold
from noren_kit.accounts.standing import Affiliation, openings
from noren_kit.accounts.tokens import InvalidToken, Pair
from noren_kit.audit.models import AccessEntry
from noren_kit.core import context
from noren_kit.core.ids import uuid7

Reason = FailedSignIn.Reason
_NAME_LENGTH = AccessEntry._meta.get_field("actor_name").max_length
_ADDRESS_LENGTH = FailedSignIn._meta.get_field("address").max_length

_REFUSE = """
WITH kept AS (
    INSERT INTO accounts_failedsignin (id, occurred_at, user_id, reason, address, request_id)
    VALUES (%(id)s, now(), %(user)s, %(reason)s, %(address)s, %(request)s)
    RETURNING id
)
SELECT noren_record_access_of(%(kind)s, kept.id, %(told)s, %(name)s, NULL, %(address)s,
                              %(request)s, %(details)s)
  FROM kept
"""


class Refused(Exception):
    """The sign-in was refused, and that is written down; nobody outside learns why."""


@dataclass(frozen=True, slots=True)
class Account:
    """A person as typed: by "username" or by "email"."""

    kind: str
    text: str

    @property
    def folded(self) -> str:
        return fold(self.text)


@dataclass(frozen=True, slots=True)
class Checked:
    """A person whose password was right, and the tenants that they may choose from.

    None to choose from: platform staff, and who is invited and has not accepted yet. `new_hash`
    is set where the stored one is outdated.
    """

    user: User
    choices: list[Affiliation]
    new_hash: str | None


def check_credentials(account: Account, password: str, tenant_id: uuid.UUID | None) -> Checked:
    """Find the person, check the password and the tenant; raises `Refused`."""
    user = User.objects.filter(**{f"{account.kind}_folded": account.folded}).first()
    open_to, is_invited = openings(user.id if user else None)
    if tenant_id is not None:
        open_to = [each for each in open_to if each.tenant_id == tenant_id]
    is_right, is_outdated = verify_password(
        password, user.password if user else UNUSABLE_PASSWORD_PREFIX
    )
    if user is None:
        raise _refusal(None, Reason.UNKNOWN)
    if not is_right:
        raise _refusal(user, Reason.PASSWORD)
    if not user.is_active:
        raise _refusal(user, Reason.DISABLED)
    may_choose_none = tenant_id is None and (user.is_superuser or is_invited)
    if not open_to and not may_choose_none:
        raise _refusal(user, Reason.NOT_A_MEMBER)
    return Checked(user, open_to, make_password(password) if is_outdated else None)


def open_session(checked: Checked, affiliation: Affiliation | None) -> Pair:
    """Sign a checked person in to a tenant; raises `Refused` where the password just changed."""
    user = checked.user
    try:
        with transaction.atomic():
            if checked.new_hash is not None:
                _rehash(user, checked.new_hash)
            return open_recorded(user, affiliation)
    except InvalidToken:
        raise _refusal(user, Reason.PASSWORD) from None


def open_recorded(
    user: User, affiliation: Affiliation | None, beside: uuid.UUID | None = None
) -> Pair:
    """`tokens.open_session` and its entry in the tenant's log, in the caller's transaction."""
    pair = tokens.open_session(user=user, affiliation=affiliation, beside=beside)
    tenant_id = affiliation.tenant_id if affiliation else None
    tokens.record_in(
        AccessEntry.Kind.SIGNED_IN,
        SignInSession(id=pair.session_id, user=user, tenant_id=tenant_id),
    )
    return pair


def _rehash(user: User, new_hash: str) -> None:
    """Only over the hash that was checked: a password that just changed stays."""
    User.objects.filter(id=user.id, password=user.password).update(password=new_hash)
    user.password = new_hash


def _refusal(user: User | None, reason: FailedSignIn.Reason) -> Refused:
    write_refusal(user, reason)
    return Refused(reason.value)


def write_refusal(user: User | None, reason: FailedSignIn.Reason) -> None:
    """Write down a refused password; one statement and one row in every case.

    The person's tenants hear of it, but for a try at another tenant, which is not theirs to know.
    """
    told = user if reason != Reason.NOT_A_MEMBER else None
    values: dict[str, Any] = {
        "id": uuid7(),
        "user": user.id if user else None,
        "told": told.id if told else None,
        "reason": reason.value,
        "name": user.display_name[:_NAME_LENGTH] if user else "",
        "address": context.client_address()[:_ADDRESS_LENGTH],
        "request": context.request_id(),
        "kind": AccessEntry.Kind.SIGN_IN_FAILED.value,
        "details": Jsonb({"reason": reason.value}),
    }
    with connection.cursor() as cursor:
        cursor.execute(_REFUSE, values)
