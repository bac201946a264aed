"""The platform's first person, made from the command line."""

from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command

from noren_kit.accounts.models import User
from noren_kit.testing.shops import PASSWORD, Client


def create(monkeypatch: pytest.MonkeyPatch, password: str, *arguments: str) -> str:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{password}\n"))
    output = io.StringIO()
    call_command("create_superuser", *arguments, stdout=output)
    return output.getvalue()


def test_they_sign_in(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "root" in create(monkeypatch, PASSWORD, "root", "--email", "root@noren.example")
    body = {"email": "root@noren.example", "password": PASSWORD}
    answer = Client().post("/api/auth/token/", body)
    assert answer.status_code == 200
    assert Client(answer.json()["access"]).get("/api/v1/tenants/").status_code == 200


@pytest.mark.parametrize(
    ("password", "arguments", "fault"),
    [
        ("short", ["root"], "10 characters"),
        ("", ["root"], "10 characters"),
        ("password1234", ["root"], "too common"),
        (PASSWORD, ["root", "--email", "nowhere"], "valid email"),
        (PASSWORD, ["x" * 151], "150 characters"),
    ],
)
def test_what_is_refused(
    monkeypatch: pytest.MonkeyPatch, password: str, arguments: list[str], fault: str
) -> None:
    with pytest.raises(CommandError, match=fault):
        create(monkeypatch, password, *arguments)
    assert not User.objects.exists()


def test_a_taken_name(monkeypatch: pytest.MonkeyPatch) -> None:
    create(monkeypatch, PASSWORD, "root")
    with pytest.raises(CommandError, match="already"):
        create(monkeypatch, PASSWORD, "ROOT")
