"""Handing work to the broker inside a request, which does not wait for a broker that is away."""

from __future__ import annotations

from noren_kit.core.errors import Unavailable
from noren_kit.core.tasks import BrokerAway, queue
from noren_kit.observability.logging import get_logger

_log = get_logger("noren.accounts")
_RETRY_AFTER_SECONDS = 5


def queue_password_reset(email: str, language: str) -> None:
    """Queue the look-up and the mail; raises `Unavailable` while the broker is away.

    There is no outbox row to fall back on: a row for each address that strangers type is work
    that they could pile up, and asking again is easy.
    """
    try:
        queue("accounts.send_password_reset", email, language, patient=False)
    except BrokerAway as error:
        _log.warning("broker_away", error=str(error))
        raise Unavailable(retry_after=_RETRY_AFTER_SECONDS) from error
