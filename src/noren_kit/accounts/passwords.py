"""Passwords changed by their owners, with the old one or through their mail.

Every change is one conditional update over the hash that was checked, so of any number of
concurrent ones a single one wins; it ends all sessions of the person in the same transaction.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib.auth.hashers import is_password_usable, make_password, verify_password
from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from noren_kit.accounts import tokens
from noren_kit.accounts.invitations import accept_invitation
from noren_kit.accounts.models import SignInSession, User, fold
from noren_kit.accounts.standing import invitations
from noren_kit.audit.models import AccessEntry
from noren_kit.audit.recording import record_of_person
from noren_kit.core.conf import conf
from noren_kit.core.errors import InvalidInput

_reset_tokens = PasswordResetTokenGenerator()
_WRONG = gettext_lazy("This is not your password.")
_DEAD = gettext_lazy("This link is not valid, or was used before.")
Faults = dict[str, list[dict[str, Any]]]


def _fault(code: str, message: Any) -> list[dict[str, Any]]:
    return [{"code": code, "message": message}]


def _faults_of_new(password: str, user: User | None) -> Faults:
    """What Django's validators find, all of it."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        return {
            "new_password": [
                {"code": each.code or "invalid", "message": "".join(each.messages)}
                for each in error.error_list
            ]
        }
    return {}


def is_password_of(user: User, password: str) -> bool:
    """Whether the password is the person's; one hash, also where they have none."""
    return verify_password(password, user.password)[0]


def change_password(user: User, *, is_current_right: bool, new_password: str) -> None:
    """Change a password that its owner has given (`is_password_of`), and end all sessions.

    `user` is as read before the check. Raises `InvalidInput` with the faults of both fields; a
    password that was changed meanwhile is not the current one any more.
    """
    faults = _faults_of_new(new_password, user)
    if not is_current_right:
        faults["current_password"] = _fault("wrong_password", _WRONG)
    if faults:
        raise InvalidInput(details=faults)
    if not _store(user, new_password):
        raise InvalidInput(details={"current_password": _fault("wrong_password", _WRONG)})


def _store(user: User, new_password: str) -> bool:
    """Whether it was stored: not where another change, or a disabling, came first."""
    as_read = User.objects.filter(id=user.id, password=user.password, is_active=True)
    if not as_read.update(password=make_password(new_password)):
        return False
    tokens.end_sessions(user.id, SignInSession.Ending.PASSWORD)
    record_of_person(AccessEntry.Kind.PASSWORD_CHANGED, tokens.actor_of(user))
    return True


def reset_password(user_id: uuid.UUID | None, token: str, new_password: str) -> None:
    """Set a password by a token from `send_reset_mail`, and end all sessions.

    A person who had none was invited, and accepts by it: the token proves their address. Who has
    several invitations by then signs in and chooses. Raises `InvalidInput`; for an unknown
    person, a disabled one and a dead token it is one and the same.
    """
    user = User.objects.filter(id=user_id or uuid.UUID(int=0), is_active=True).first()
    is_valid = user is not None and _reset_tokens.check_token(user, token)
    faults = _faults_of_new(new_password, user if is_valid else None)
    if user is None or not is_valid:
        raise InvalidInput(details={"token": _fault("invalid_token", _DEAD), **faults})
    if faults:
        raise InvalidInput(details=faults)
    is_first = not is_password_usable(user.password)
    if not _store(user, new_password):
        raise InvalidInput(details={"token": _fault("invalid_token", _DEAD)})
    if is_first:
        actor = tokens.actor_of(user)
        found = invitations(user.id)
        if len(found) == 1:
            accept_invitation(actor, found[0])


def send_reset_mail(email: str) -> bool:
    """Mail a token to the person of that address; False where nobody active has it.

    To the address as stored, never as typed: two that are alike once folded may be different
    mailboxes (Unicode Technical Report 36, section 2.10.2). In the language that is active.
    """
    user = User.objects.filter(email_folded=fold(email), is_active=True).first()
    if user is None:
        return False
    EmailMessage(_("Set your password"), _reset_text(user), to=[user.email]).send()
    return True


def _reset_text(user: User) -> str:
    uid, token = str(user.id), _reset_tokens.make_token(user)
    greeting = _("Hello %(name)s,") % {"name": user.name} if user.name else _("Hello,")
    ignore = _("If you did not ask for this, ignore this mail: nothing changes.")
    if conf.PASSWORD_RESET_URL:
        link = conf.PASSWORD_RESET_URL.replace("{uid}", uid).replace("{token}", token)
        body = _("choose a new password here:") + f"\n\n{link}"
    else:
        body = _("choose a new password with these:") + f"\n\nuid: {uid}\ntoken: {token}"
    return f"{greeting}\n\n{body}\n\n{ignore}\n"
