"""What follows a product's running low."""

from __future__ import annotations

import uuid

from django.core.mail import send_mail
from django.utils.translation import gettext as _
from django.utils.translation import override

from noren.catalog.events import STOCK_DIGEST
from noren.catalog.queries import find_product, find_variant, list_running_low
from noren.inventory.events import STOCK_LOW
from noren_kit.accounts.queries import emails_of_members
from noren_kit.core import context
from noren_kit.outbox.publishing import EventFacts, handles

# A mail names so many, and says how many more there are up to this.
_NAMED, _COUNTED = 50, 1_000


@handles(STOCK_DIGEST, name="catalog.low_stock_digest_mail")
def send_low_stock_digest(event: EventFacts) -> None:
    """Mail the tenant's managers and owners what runs low now; at least once."""
    low, recipients = list_running_low(_COUNTED), emails_of_members(["manager", "owner"])
    if not low or not recipients:
        return
    tenant = context.tenant()
    with override(tenant.locale):
        subject = _("%(shop)s: %(count)s products are running low") % {
            "shop": tenant.name,
            "count": len(low),
        }
        lines = [
            _("%(name)s (%(sku)s): %(available)s left.")
            % {"name": each.name, "sku": each.sku, "available": each.units}
            for each in low[:_NAMED]
        ]
        if len(low) > _NAMED:
            lines.append(_("And %(count)s more.") % {"count": len(low) - _NAMED})
    send_mail(" ".join(subject.split()), "\n".join(lines), None, recipients)


@handles(STOCK_LOW, name="catalog.low_stock_notice")
def send_low_stock_notice(event: EventFacts) -> None:
    """Mail the tenant's managers and owners; at least once."""
    product = find_product(uuid.UUID(event.payload["product_id"]))
    variant = event.payload.get("variant_id")
    article = find_variant(uuid.UUID(variant)) if variant else product
    recipients = emails_of_members(["manager", "owner"])
    if product is None or article is None or not recipients:
        return
    name = f"{product.name}, {article.name}" if variant else product.name
    tenant = context.tenant()
    with override(tenant.locale):
        subject = _("%(shop)s: %(sku)s is running low") % {"shop": tenant.name, "sku": article.sku}
        body = _("%(name)s (%(sku)s): %(available)s left.") % {
            "name": name,
            "sku": article.sku,
            "available": event.payload["available"],
        }
    send_mail(" ".join(subject.split()), body, None, recipients)
