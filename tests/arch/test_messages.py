"""Every message for people exists in Japanese, and what is compiled is what is written."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

import noren
import noren_kit

KEYWORDS = {"gettext": None, "gettext_lazy": None, "_": None}
PACKAGES = [Path(package.__path__[0]) for package in (noren, noren_kit)]


def catalogue(package: Path) -> Catalog:
    file = package / "locale/ja/LC_MESSAGES/django.po"
    return read_po(io.BytesIO(file.read_bytes()), locale="ja")


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_every_message_is_translated(package: Path):
    written = {message.id: message for message in catalogue(package) if message.id}
    used = {found[2] for found in extract_from_dir(package, keywords=KEYWORDS)}
    assert sorted(used - set(written)) == []
    assert sorted(set(written) - used) == []
    lacking = [key for key, message in written.items() if not message.string or message.fuzzy]
    assert lacking == []


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_placeholders_survive_translation(package: Path):
    for message in catalogue(package):
        if message.python_format:
            names = {part.partition(")")[0] for part in str(message.id).split("%(")[1:]}
            assert all(f"%({name})s" in str(message.string) for name in names), message.id


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_the_compiled_catalogue_is_current(package: Path):
    compiled = read_mo(io.BytesIO((package / "locale/ja/LC_MESSAGES/django.mo").read_bytes()))
    assert {message.id: message.string for message in compiled if message.id} == {
        message.id: message.string for message in catalogue(package) if message.id
    }


def test_an_error_speaks_japanese(shop):
    response = shop.client().get("/api/v1/products/nothing/", HTTP_ACCEPT_LANGUAGE="ja")
    assert response.json()["message"] == "対象が見つかりません。"
    assert response.json()["code"] == "not_found"
