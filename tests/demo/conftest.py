"""The demo at a small scale, and the ways in that its file promises."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from noren_kit.tenancy.entering import enter
from noren_kit.tenancy.models import Tenant
from noren_kit.testing.shops import Client

SCALE = 0.02


@dataclass
class Demo:
    """A file of credentials, and the command that keeps it."""

    file: Path

    def load(self, **options: Any) -> str:
        output = io.StringIO()
        call_command(
            "load_demo", credentials=self.file, stdout=output, **{"scale": SCALE, **options}
        )
        return output.getvalue()

    def content(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.file.read_text(encoding="utf-8"))
        return content

    def entered(self, slug: str) -> Any:
        return enter(Tenant.objects.get(slug=slug).id)

    def users(self) -> list[dict[str, str]]:
        return [user for tenant in self.content()["tenants"] for user in tenant["users"]]

    def sign_in(self, user: dict[str, str]) -> Any:
        body = {"username": user["username"], "password": user["password"]}
        return Client().post("/api/auth/token/", body)

    def client(self, slug: str, role: str) -> Client:
        """A client signed in with what the file says."""
        (user,) = (
            user
            for tenant in self.content()["tenants"]
            for user in tenant["users"]
            if tenant["slug"] == slug and user["role"] == role
        )
        return Client(self.sign_in(user).json()["access"])


@pytest.fixture
def demo(tmp_path: Path) -> Demo:
    return Demo(tmp_path / "private" / "demo.json")
