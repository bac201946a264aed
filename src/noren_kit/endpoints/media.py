"""`GET /media/…`: files of the local folder. Those of a bucket are read from the bucket."""

from __future__ import annotations

from django.core.files.storage import default_storage
from django.db import transaction
from django.http import FileResponse, Http404, HttpRequest
from django.views.decorators.http import require_safe

from noren_kit.files.folder import Folder
from noren_kit.files.keeping import IMMUTABLE, NAME, TYPES


@transaction.non_atomic_requests
@require_safe
def media(request: HttpRequest, name: str) -> FileResponse:
    """The file, for anybody and for ever: its name follows from what it holds."""
    if not isinstance(default_storage, Folder) or not NAME.match(name):
        raise Http404
    try:
        return FileResponse(
            default_storage.open(name),
            content_type=TYPES[name.rpartition(".")[2]],
            headers={"Cache-Control": IMMUTABLE},
        )
    except FileNotFoundError as error:
        raise Http404 from error
