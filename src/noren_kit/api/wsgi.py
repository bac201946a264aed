"""The WSGI application, with requests read as HTTP means them where Django reads otherwise."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from typing import Any

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.utils import translation
from django.utils.http import parse_header_parameters

from noren_kit.core.conf import conf
from noren_kit.observability.addresses import settle_scheme


class Utf8Request(WSGIRequest):
    """A request whose URL is UTF-8 (RFC 3986, section 2.5).

    Django reads the query in the charset that the body claims for itself, and raises at
    `charset=hex` or `a*=b''c` before any middleware runs. What a body's charset is good for, its
    parser says.
    """

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        try:
            kind, parameters = parse_header_parameters(meta.get("CONTENT_TYPE", ""))
        except ValueError:  # Parameters of RFC 2231 that are none: no parser takes such a body.
            kind, parameters = "", {}
        self.content_type, self.content_params = kind, parameters


class Handler(WSGIHandler):
    """Reads bodies without a stated length too (RFC 9112, section 7.1); Django takes none then.

    And takes the scheme from trusted proxies alone, for everything that comes after.
    """

    request_class = Utf8Request
    # The short ways, which are set once the models are there.
    fronts: Sequence[Any] = ()

    def __call__(  # type: ignore[override]
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        settle_scheme(environ)
        if "HTTP_TRANSFER_ENCODING" in environ and not environ.get("CONTENT_LENGTH"):
            body = environ["wsgi.input"].read(conf.MAX_BODY_BYTES + 1)
            environ["wsgi.input"] = io.BytesIO(body)
            environ["CONTENT_LENGTH"] = str(len(body))
        for front in self.fronts:
            head = front.head_of(environ)
            if head is not None:
                break
        else:
            return super().__call__(environ, start_response)
        answer: Iterable[bytes] | None = front.answer(head, environ, start_response)
        if answer is not None:
            return answer
        told: list[tuple[str, str]] = []

        def tell(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            told[:] = headers
            return start_response(status, headers, *rest)

        answer = super().__call__(environ, tell)
        front.learn(head, environ, told)
        return answer


def get_application() -> WSGIHandler:
    """Django's `get_wsgi_application` with the handler above, and all that is made once.

    Django leaves routes and messages to the first request, when each worker would make its own
    copy; so it is with the plans of reads.
    """
    django.setup(set_prefix=False)
    application = Handler()
    import_module(settings.ROOT_URLCONF)
    for language, _name in settings.LANGUAGES:
        translation.activate(language)  # Loads its messages.
    translation.deactivate()
    # These need the models, which the set-up has loaded.
    import_module("noren_kit.api.readiness").make_ready()
    reading, making = map(import_module, ("noren_kit.api.front", "noren_kit.api.creating"))
    application.fronts = (reading.Front(), making.Creations())
    return application
