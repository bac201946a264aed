"""What can go wrong around the bin."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from noren_kit.core.errors import Conflict


class RefersToDeleted(Conflict):
    """409: what a row refers to is in the bin itself; `details` names the members."""

    code = "refers_to_deleted"
    message = _("What this one refers to is deleted. Restore that first.")
