"""Answers out of memory: what was shown under the same revisions is shown again.

The caller's standing and the tenant's revisions come in one statement, outside of any
transaction; the request is counted and its right asked for; and if the key of the answer, which
holds all that it depends on, is the client's `If-None-Match` or stands in the store, nothing else
is done. Everything else goes the usual way, in a transaction of its own, and is kept
(docs/guides/caching.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotModified
from django.utils.cache import patch_vary_headers
from django.utils.translation import get_language
from rest_framework.exceptions import APIException
from rest_framework.request import Request

from noren_kit.accounts.permissions import SignedIn, model_of
from noren_kit.accounts.row_rules import writes_all
from noren_kit.api.answer_keys import (
    Seed,
    digest_of,
    key_of,
    names_tag,
    seed_of,
    tag_in,
    tagged,
    versioned,
    with_version,
)
from noren_kit.api.bin import DELETED
from noren_kit.api.creating import FAILED, leave
from noren_kit.api.creating import WANTED as WRITE_WANTED
from noren_kit.api.dependencies import (
    binds_readers,
    collections_of_action,
    collections_of_detail,
    collections_of_list,
)
from noren_kit.api.envelope import JSON
from noren_kit.api.front import COUNTED, HIT, LEFT, MISS, MISSED, REFUSED, WANTED, Left
from noren_kit.api.limiting import count_request, note_reading, recall
from noren_kit.api.parameters import AS_OF
from noren_kit.api.reading import Representation
from noren_kit.api.recipes import Draft, Recipe, recipe_of
from noren_kit.api.registry import rules_of
from noren_kit.api.splicing import Parts
from noren_kit.caching.store import store
from noren_kit.core import context
from noren_kit.core.errors import AppError
from noren_kit.db.prepared import spare_health_check
from noren_kit.db.revisions import collection_of
from noren_kit.db.tally import tally
from noren_kit.limits.errors import Throttled
from noren_kit.limits.policies import caller_limit

_READERS = ("list", "retrieve")


class CachedAnswers:
    """Answers the reading actions of a viewset from the store where it can.

    `cached = False` opts a resource out. `cached_actions` names further actions that read, and
    the paths from the model that they look at beside what their serializer shows:
    `{"statistics": ("category", "stock_item__on_hand")}`. A viewset with a `get_queryset`, `list`,
    `retrieve` or `filter_queryset` of its own, or whose permissions judge single objects, is not
    cached: nobody knows what these look at.
    """

    cached: ClassVar[bool] = True
    cached_actions: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    # Whether the request has been counted, or why it must not go on.
    counted: bool | Throttled = False
    # What names the part of the answer that lasts, and which that is (`SplicedAnswers`).
    lasting: Seed | None = None
    parts: Parts | None = None
    # How the answer is made, noted for the front where that has asked for it.
    draft: Draft | None = None
    # What the keys of the answer follow from, once they have been made.
    seed: Seed | None = None
    recipe: Recipe | None = None
    # Of the row that a detail shows.
    shown_version: int | None = None
    request: Any
    action: str

    @classmethod
    def as_view(cls, actions: Any = None, **initkwargs: Any) -> Any:
        """The view function, which begins its transaction only when it needs one."""
        view = super().as_view(actions, **initkwargs)  # type: ignore[misc]
        return transaction.non_atomic_requests(view)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        failed = request.META.get(FAILED)
        if failed is not None:
            raise failed
        refused = request.META.get(REFUSED)
        if refused is not None:
            self.counted = recall(refused)
        counted = request.META.get(COUNTED)
        if counted is not None:
            self.counted = True
            note_reading(counted)
        missed = request.META.get(MISSED)
        if missed is not None:
            with store().computing(missed) as kept:
                if kept is None:
                    return self._answer(request, *args, **kwargs)
        key = self._key_before(request, kwargs)
        if key is None:
            return self._answer(request, *args, **kwargs)
        known = tag_in(request.META.get("HTTP_IF_NONE_MATCH", ""), key)
        if known is not None:
            return self._finished(HttpResponseNotModified(), known, HIT)
        kept = store().get(key)
        if kept is None:
            with store().computing(key) as kept:
                if kept is None:
                    return self._answer(request, *args, **kwargs)
        tag, body = tagged(key, kept)
        if _is_known(request, tag):
            return self._finished(HttpResponseNotModified(), tag, HIT)
        return self._finished(HttpResponse(body, content_type=JSON), tag, HIT)

    def _answer(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """The usual way; a readable answer is kept, and gets its ETag."""
        if WANTED in request.META:
            self.draft = Draft()
        spare_health_check()
        before = tally.statements
        with transaction.atomic():
            response: Any = super().dispatch(request, *args, **kwargs)  # type: ignore[misc]
        if WRITE_WANTED in request.META and response.status_code == 201:
            self._leave_made(response)
        if request.method not in ("GET", "HEAD") or response.status_code != 200:
            return response  # type: ignore[no-any-return]
        key = self._key(request)
        if key is None and self.action not in _READERS:
            return response  # type: ignore[no-any-return]
        body = response.render().content
        version = self.shown_version if self.action == "retrieve" else None
        if key is not None:
            store().put(key, with_version(version, body))
            if self.lasting is not None:
                store().point(self.key_of_seed(self.lasting), key)
            # One more is that of the caller's standing.
            sent = tally.statements - before
            if self.draft is not None and self.seed and sent == self.draft.noted + 1:
                self.recipe = recipe_of(
                    self.draft, self.seed, request.path, self.lasting, self.parts
                )
        tag = versioned(version, key or digest_of(body))
        if _is_known(request, tag):
            response = HttpResponseNotModified()
        return self._finished(response, tag, MISS if key else None)

    def _leave_made(self, response: Any) -> None:
        view: Any = self
        plain = view.make is not None and view.offers_retries and view.limit_class is None
        if self.action != "create" or not plain or not self._is_judged_by_standing():
            return
        if writes_all(view.row_rules, view.resource_model(), view.right()):
            leave(self, response)

    def _key_before(self, request: HttpRequest, kwargs: Mapping[str, Any]) -> str | None:
        """The key of the answer that may be given without further work, None where none may."""
        if not self._may_be_cached(request):
            return None
        view: Any = self
        view.args, view.kwargs, view.format_kwarg = (), kwargs, None
        view.request = asked = view.initialize_request(request)
        if not (self._signs_in(asked) and self._is_permitted(asked)):
            return None
        try:
            return self._key(request)
        except AppError:
            return None  # What is wrong with the parameters is said in the usual way.

    def _action(self, request: HttpRequest) -> str:
        return str(self.action_map.get(str(request.method).lower()))  # type: ignore[attr-defined]

    def _may_be_cached(self, request: HttpRequest) -> bool:
        if request.method not in ("GET", "HEAD") or not self.cached or self.counted:
            return False
        action, model = self._action(request), model_of(self)
        return (
            (action in _READERS or action in self.cached_actions)
            and model is not None
            and collection_of(model) is not None
            and DELETED not in request.GET
            and "HTTP_X_TENANT_ID" not in request.META
            and _takes_json(request.META.get("HTTP_ACCEPT", "*/*"))
            and all(len(values) == 1 for _name, values in request.GET.lists())
        )

    def _signs_in(self, request: Request) -> bool:
        """Enter the caller's standing and count the request; False where that is refused."""
        try:
            for authenticator in self.get_authenticators():  # type: ignore[attr-defined]
                signed_in = authenticator.authenticate(request)
                if signed_in is not None:
                    request.user, request.auth = signed_in
                    break
            else:
                return False
        except (APIException, AppError):
            return False
        if context.tenant_or_none() is None:
            return False
        try:
            count_request(*caller_limit(request._request))
        except Throttled as refusal:
            self.counted = refusal
            return False
        self.counted = True
        return True

    def _is_permitted(self, request: Request) -> bool:
        """Whether the caller may, as far as their standing alone says so."""
        permissions = self.get_permissions()  # type: ignore[attr-defined]
        return all(
            _judges_standing(each) and each.has_permission(request, self) for each in permissions
        )

    def _is_judged_by_standing(self) -> bool:
        return all(map(_judges_standing, self.get_permissions()))  # type: ignore[attr-defined]

    def _collections(self, request: HttpRequest) -> frozenset[str] | None:
        view: Any = type(self)
        if not self.reads_as_declared() or DELETED in request.GET:  # type: ignore[attr-defined]
            return None
        if self.action in self.cached_actions:
            shown = Representation(self.action_serializers.get(self.action))  # type: ignore[attr-defined]
            paths = tuple(self.cached_actions[self.action])
            return collections_of_action(view, shown, paths, request.GET)
        if not self.cached or self.action not in _READERS or AS_OF in request.GET:
            return None
        shown = self.representation(request.GET)  # type: ignore[attr-defined]
        if self.action == "retrieve":
            return collections_of_detail(view, shown)
        return collections_of_list(view, shown, request.GET)

    def _key(self, request: HttpRequest) -> str | None:
        """What names the answer for good; None where it is not made to be kept."""
        collections = self._collections(request)
        self.seed = None if collections is None else self.seed_under(request, collections)
        return None if self.seed is None else self.key_of_seed(self.seed)

    def key_of_seed(self, seed: Seed) -> str:
        return key_of(seed, context.tenant(), context.revisions())

    def detail_key(self, request: HttpRequest) -> str | None:
        """The key of what a GET of the same address answers, None where that is not kept."""
        if not self.cached or not self.reads_as_declared():  # type: ignore[attr-defined]
            return None
        view: Any = type(self)
        collections = collections_of_detail(view, Representation(view.serializer_class))
        seed = None if collections is None else self.seed_under(request, collections)
        return None if seed is None else self.key_of_seed(seed)

    def seed_under(
        self, request: HttpRequest, collections: frozenset[str], part: str = ""
    ) -> Seed | None:
        """All that (this part of) the answer depends on beside revisions.

        None outside of a tenant: revisions are a tenant's.
        """
        actor = context.actor()
        if context.tenant_or_none() is None or actor is None or not context.revisions():
            return None
        rules = [*self.row_rules]  # type: ignore[attr-defined]
        if self.parent_field:  # type: ignore[attr-defined]
            rules += rules_of(self.parent_model())  # type: ignore[attr-defined]
        match = request.resolver_match
        return seed_of(
            actor,
            collections,
            part,
            get_language(),
            (request.scheme, request.get_host()),
            sorted(request.GET.items()),
            path=request.path,
            binds=binds_readers(rules),
            route=match.route if match else None,
        )

    def _finished(self, response: Any, tag: str, status: str | None) -> HttpResponseBase:
        for name, value in self.default_response_headers.items():  # type: ignore[attr-defined]
            if name == "Vary":
                patch_vary_headers(response, [value])
            else:
                response.headers[name] = value
        response.headers["ETag"] = f'"{tag}"'
        response.headers["Cache-Control"] = "private, no-cache"
        if status is not None:
            response.headers["Cache-Status"] = status
        if self.seed is not None and response.status_code == 200 and self._is_judged_by_standing():
            # For the front, which finds it when the answer is on its way out.
            tried = self.draft is not None
            self.request.META[LEFT] = Left(self.seed, context.tenant(), self.recipe, tried)
        return response  # type: ignore[no-any-return]


def _judges_standing(permission: Any) -> bool:
    """Whether this is known to read nothing: others want a transaction inside of the tenant."""
    parts = [getattr(permission, each) for each in ("op1", "op2") if hasattr(permission, each)]
    if parts:
        return all(map(_judges_standing, parts))
    return bool(type(permission).has_permission.__module__ == SignedIn.__module__)


def _is_known(request: HttpRequest, tag: str) -> bool:
    """Whether the client has this answer, which there is (RFC 9110, section 13.1.2)."""
    offered = request.META.get("HTTP_IF_NONE_MATCH", "")
    return offered.strip() == "*" or names_tag(offered, tag)


def _takes_json(accepted: str) -> bool:
    """Whether a JSON answer is surely welcome; what else there is to say, the usual way says.

    As the framework chooses, which does not weigh kinds (`q`): browsers accept `*/*;q=0.8`.
    """
    return any(
        each.partition(";")[0].strip() in ("*/*", "application/*", JSON)
        for each in accepted.split(",")
    )
