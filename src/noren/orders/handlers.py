"""What follows an order, outside of its transaction."""

from __future__ import annotations

from django.core.mail import send_mail
from django.utils.translation import gettext as _
from django.utils.translation import override

from noren.orders.events import ORDER_PLACED
from noren.orders.queries import find_order
from noren_kit.core import context
from noren_kit.core.money import format_amount
from noren_kit.observability.logging import get_logger
from noren_kit.outbox.publishing import EventFacts, handles

_log = get_logger("noren.orders")


@handles(ORDER_PLACED, name="orders.confirmation_mail")
def send_confirmation(event: EventFacts) -> None:
    """Mail the customer what was ordered; at least once, and never if there is no address."""
    order = find_order(event.aggregate_id)
    if not order.customer_email:
        _log.info("no_address", order_number=order.order_number)
        return
    tenant = context.tenant()
    lines = [
        f"{line.quantity} × {line.title}  {format_amount(line.subtotal, order.currency)}"
        for line in order.lines.all()
    ]
    with override(tenant.locale):
        subject = _("%(shop)s: your order %(number)s") % {
            "shop": tenant.name,
            "number": order.order_number,
        }
        total = _("Total: %(amount)s %(currency)s, of it tax %(tax)s") % {
            "amount": format_amount(order.total_amount, order.currency),
            "currency": order.currency,
            "tax": format_amount(order.tax_amount, order.currency),
        }
        greeting = _("Thank you for your order, %(name)s.") % {"name": order.customer_name}
    body = "\n".join([greeting, "", *lines, "", total])
    send_mail(" ".join(subject.split()), body, None, [order.customer_email])
