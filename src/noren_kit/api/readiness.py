"""What requests need that follows from the code alone, made before the first of them."""

from __future__ import annotations

from noren_kit.api.answer_keys import generation
from noren_kit.api.reading import Representation, plan_for
from noren_kit.api.registry import known_rights, routes


def make_ready() -> None:
    """The rights, the plans of whole rows, and the state of the code that cached answers name."""
    generation()
    known_rights()
    for view in dict.fromkeys(route.view for route in routes()):
        shown = (getattr(view, f"{kind}serializer_class", None) for kind in ("", "list_"))
        for serializer in filter(None, shown):
            plan_for(Representation(serializer))
