"""The lock on guessing: so many failed passwords of one account from one address.

Other addresses are not locked, so nobody can lock somebody else out. Each attempt counts before
its password is looked at, so that concurrent guesses are no more than others; a success clears
the count. Whether there is such an account makes no difference.
"""

from __future__ import annotations

from dataclasses import dataclass

from rest_framework.request import Request

from noren_kit.accounts.sign_in import Account
from noren_kit.limits.counting import counter
from noren_kit.limits.errors import Throttled
from noren_kit.limits.policies import SIGN_IN_FAILURES, failures_key, limit_named


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt that was counted as a failure until it says otherwise."""

    key: str

    def succeeded(self) -> None:
        counter().forget(self.key)


def count_attempt(request: Request, account: Account) -> Attempt:
    """Count an attempt at a password; raises `Throttled` for a pair that is locked."""
    key = failures_key(f"{account.kind}:{account.folded}", request._request)
    reading = counter().count(key, limit_named(SIGN_IN_FAILURES))
    if not reading.allowed:
        raise Throttled(reading)
    return Attempt(key)
