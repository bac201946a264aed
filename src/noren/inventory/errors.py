"""What can go wrong with stock."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from noren_kit.core.errors import Conflict, Unavailable


class InsufficientStock(Conflict):
    """409: `details.items` names every item with less available than was asked for."""

    code = "insufficient_stock"
    message = _("There is not enough stock.")


class StockChanged(Conflict):
    code = "stock_changed"
    message = _("The stock is not what was expected; read it again.")


class StockUnreadable(Unavailable):
    code = "stock_unavailable"
    message = _("The stock can't be read at the moment.")


class BackorderedStock(Conflict):
    """409: back-order can't end while more is sold or held than there is."""

    code = "backordered"
    message = _("More is sold or reserved than there is; receive stock first.")
