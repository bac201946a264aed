"""Handing work to the broker inside a request, which does not wait for a broker that is away."""

from __future__ import annotations

from celery import current_app
from celery.exceptions import OperationalError as BrokerError

from noren_kit.accounts.tasks import send_password_reset
from noren_kit.core.errors import Unavailable
from noren_kit.observability.logging import get_logger

_log = get_logger("noren.accounts")
# On a connection of its own: workers and the relay wait longer for theirs.
_IMPATIENT = {"max_retries": 0, "socket_timeout": 1, "socket_connect_timeout": 1}
_RETRY_AFTER_SECONDS = 5


def queue_password_reset(email: str, language: str) -> None:
    """Queue the look-up and the mail; raises `Unavailable` while the broker is away.

    There is no outbox row to fall back on: a row for each address that strangers type is work
    that they could pile up, and asking again is easy.
    """
    try:
        with current_app.connection_for_write(transport_options=_IMPATIENT) as connection:
            send_password_reset.apply_async(
                args=[email, language], connection=connection, retry=False
            )
    except BrokerError as error:
        _log.warning("broker_away", error=str(error))
        raise Unavailable(retry_after=_RETRY_AFTER_SECONDS) from error
