"""Another project's resources keep the same contract, by the kit's own test class."""

from __future__ import annotations

from typing import Any

from noren_kit.testing.contract import ResourceContract
from noren_kit.testing.shops import Client


class TestAuthor(ResourceContract):
    path, create, update = "authors", {"name": "Natsume"}, {"name": "Natsume Soseki"}


class TestBook(ResourceContract):
    path = "books"
    create = {"title": "Kokoro", "isbn": "9784003101117", "pages": 300, "lent": False}
    update = {"title": "Botchan", "lent": True}

    def distinct(self, number: int) -> dict[str, Any]:
        return {"isbn": f"{9_784_003_101_117 + number}"}

    def related(self, client: Client) -> dict[str, Any]:
        return {"author": client.post("/api/v1/authors/", {"name": "Natsume"}).json()["id"]}
