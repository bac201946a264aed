"""Files in a local folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.core.files.storage import FileSystemStorage

from noren_kit.core.disk import on_disk
from noren_kit.core.errors import Unavailable
from noren_kit.core.ids import uuid7_text


class Folder(FileSystemStorage):
    """A folder in which a file is there whole or not at all; the same name is the same file.

    Raises `Unavailable` where it can't be written.
    """

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        return name

    def _save(self, name: str, content: Any) -> str:
        try:
            part: str = super()._save(f"{name}.{uuid7_text()}.part", content)  # type: ignore[misc]
            on_disk(Path(self.path(part)))
            os.replace(self.path(part), self.path(name))
            on_disk(Path(self.path(name)).parent)
        except OSError as error:
            raise Unavailable from error
        return name
