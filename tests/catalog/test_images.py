"""A product's picture: what is taken, where it is read, and what is swept."""

from __future__ import annotations

import io
import os
import random
import threading
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import override_settings
from moto.server import ThreadedMotoServer
from PIL import Image

from noren.catalog.models import Product
from noren.catalog.tasks import sweep_all_images, sweep_tenant_images
from noren_kit.files.pictures import MAX_BYTES
from noren_kit.tenancy.entering import enter
from noren_kit.testing.shops import Client, Shop
from store import API, Store


def picture(kind: str = "JPEG", size: tuple[int, int] = (40, 30), colour: str = "red") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, kind)
    return buffer.getvalue()


def send(client: Client, product: str, content: bytes | None, **more: Any) -> Any:
    form: dict[str, Any] = dict(more)
    if content is not None:
        form["image"] = SimpleUploadedFile("evil.html", content, "text/html")
    return client.post(f"{API}products/{product}/image/", form, format="multipart")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "media"
    with override_settings(MEDIA_ROOT=str(place), MEDIA_URL="https://shop.example/media/"):
        yield place


@pytest.fixture
def product(shop: Shop) -> dict[str, Any]:
    return Store(shop).product()


def read(client: Client, url: str) -> Any:
    return client.get(url.removeprefix("https://shop.example"))


def sweep(shop: Shop) -> int:
    with enter(shop.tenant.id):
        removed: int = sweep_tenant_images.run()
        return removed


def stored(folder: Path) -> list[Path]:
    return [each for each in folder.rglob("*") if each.is_file()]


@pytest.mark.parametrize(
    ("kind", "ending", "content_type"),
    [("JPEG", "jpg", "image/jpeg"), ("PNG", "png", "image/png"), ("WEBP", "webp", "image/webp")],
)
def test_a_picture_is_taken_and_read_by_anybody(
    shop: Shop, product: dict[str, Any], kind: str, ending: str, content_type: str
) -> None:
    owner, content = shop.client("owner"), picture(kind)
    answer = send(owner, product["id"], content)
    assert answer.status_code == 200, answer.content
    shown = answer.json()
    assert shown["image_url"].startswith(f"https://shop.example/media/{shop.tenant.id}/products/")
    assert shown["image_url"].endswith(f".{ending}")
    detail = owner.get(f"{API}products/{product['id']}/").json()
    assert detail["image_url"] == shown["image_url"]
    listed = owner.get(f"{API}products/?fields=image_url").json()["results"]
    assert listed == [{"image_url": shown["image_url"]}]
    got = read(Client(), shown["image_url"])
    assert (got.status_code, b"".join(got.streaming_content)) == (200, content)
    assert got.headers["Content-Type"] == content_type
    assert got.headers["X-Content-Type-Options"] == "nosniff"
    assert "immutable" in got.headers["Cache-Control"]


def test_small_ones_are_pictures_too(shop: Shop, product: dict[str, Any]) -> None:
    for size in ((1, 1), (7, 100), (100, 5)):
        assert send(shop.client("owner"), product["id"], picture("JPEG", size)).status_code == 200


def test_another_takes_its_place_and_it_can_be_taken_away(
    shop: Shop, product: dict[str, Any]
) -> None:
    owner, url = shop.client("owner"), f"{API}products/{product['id']}/"
    first = send(owner, product["id"], picture()).json()
    second = send(owner, product["id"], picture(colour="blue")).json()
    assert first["image_url"] != second["image_url"]
    assert send(owner, product["id"], picture()).json()["image_url"] == first["image_url"]
    gone = owner.delete(f"{url}image/")
    assert (gone.status_code, gone.content) == (204, b"")
    assert owner.get(url).json()["image_url"] is None
    changed = owner.get(f"{url}history/").json()["results"]
    assert sum("image" in str(each) for each in changed) >= 3


HOSTILE = {
    "nothing": b"",
    "text": b"<script>alert(1)</script>",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "gif": picture("GIF"),
    "bmp": picture("BMP"),
    "tiff": picture("TIFF"),
    "half a jpeg": picture("JPEG", (400, 300))[:-200],
    "half a png": picture("PNG", (400, 300))[:-40],
    "half a webp": picture("WEBP", (400, 300))[:-20],
    "a head alone": picture("PNG")[:24],
    "too wide": picture("PNG", (8_001, 1)),
    "too many pixels": picture("PNG", (5_000, 5_000)),
    "too many scans": picture() + b"\xff\xda" * 101,
    "too many bytes": picture() + b"\0" * MAX_BYTES,
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_is_no_picture_is_refused(
    shop: Shop, product: dict[str, Any], folder: Path, content: bytes
) -> None:
    answer = send(shop.client("owner"), product["id"], content)
    assert answer.status_code == 400
    assert list(answer.json()["details"]) == ["image"]
    assert stored(folder) == []
    with enter(shop.tenant.id):
        assert Product.objects.get(id=product["id"]).image == ""


def test_no_damage_to_a_picture_is_an_error_of_ours(shop: Shop, product: dict[str, Any]) -> None:
    choose, owner = random.Random(7), shop.client("owner")
    for kind in ("JPEG", "PNG", "WEBP"):
        whole = picture(kind, (64, 48))
        for _number in range(60):
            damaged = bytearray(whole)
            for _byte in range(choose.randint(1, 8)):
                damaged[choose.randrange(len(damaged))] = choose.randrange(256)
            assert send(owner, product["id"], bytes(damaged)).status_code in (200, 400)


def test_forms_that_are_none(shop: Shop, product: dict[str, Any]) -> None:
    owner, url = shop.client("owner"), f"{API}products/{product['id']}/image/"
    assert send(owner, product["id"], None).json()["details"]["image"][0]["code"] == "required"
    unknown = send(owner, product["id"], picture(), alt="tea")
    assert (unknown.status_code, list(unknown.json()["details"])) == (400, ["alt"])
    text = owner.post(url, {"image": "tea.jpg"}, format="multipart")
    assert text.json()["details"]["image"][0]["code"] == "invalid"
    assert owner.post(url, {"image": "tea.jpg"}).json()["details"]["image"][0]["code"] == "invalid"
    form = "multipart/form-data"
    for kind, status in (
        (form, 415),
        (f"{form}; boundary=x", 400),
    ):
        broken = owner.generic("POST", url, b"--x\r\nnonsense", content_type=kind)
        assert broken.status_code == status
    assert owner.get(url).status_code == 405


def test_who_may(shop: Shop, neighbour: Shop, product: dict[str, Any], folder: Path) -> None:
    content, nobody = picture(), str(uuid.uuid4())
    assert send(shop.client("viewer"), product["id"], content).status_code == 403
    assert send(Client(), product["id"], content).status_code == 401
    assert send(neighbour.client("owner"), product["id"], content).status_code == 404
    assert send(shop.client("owner"), nobody, content).status_code == 404
    assert stored(folder) == []


def test_an_upload_that_is_sent_again_is_the_same(shop: Shop, product: dict[str, Any]) -> None:
    """Though its form is drawn anew."""
    owner, key = shop.client("owner"), {"HTTP_IDEMPOTENCY_KEY": "picture-1"}
    url = f"{API}products/{product['id']}/image/"
    answers = [
        owner.post(
            url,
            {"image": SimpleUploadedFile("tea.jpg", picture(), "image/jpeg")},
            format="multipart",
            **key,
        )
        for _time in range(2)
    ]
    assert [each.status_code for each in answers] == [200, 200]
    assert answers[1].headers["Idempotent-Replayed"] == "true"
    assert answers[0].content == answers[1].content


@pytest.mark.parametrize(
    "name",
    [
        "../secrets.jpg",
        "..%2f..%2fetc/passwd",
        f"{uuid.uuid4()}/products/{uuid.uuid4()}-{'0' * 32}.jpg",
        "",
    ],
)
def test_other_addresses_are_not_there(name: str) -> None:
    answer = Client().get(f"/media/{name}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_what_nobody_names_is_swept(shop: Shop, product: dict[str, Any], folder: Path) -> None:
    owner, old = shop.client("owner"), timedelta(days=2).total_seconds()
    send(owner, product["id"], picture(colour="blue"))
    send(owner, product["id"], picture())
    binned = Store(shop).product(sku="binned", category=product["category"])["id"]
    send(owner, binned, picture())
    owner.delete(f"{API}products/{binned}/")
    assert sweep(shop) == 0
    for each in stored(folder):
        os.utime(each, (each.stat().st_mtime - old,) * 2)
    assert sweep(shop) == 1
    assert len(stored(folder)) == 2
    assert sweep_all_images() >= 1


def test_a_folder_that_cannot_be_written(shop: Shop, product: dict[str, Any], folder: Path) -> None:
    folder.write_text("no folder")
    answer = send(shop.client("owner"), product["id"], picture())
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert "Retry-After" in answer.headers


def test_readers_never_see_half_a_file(folder: Path) -> None:
    """Though the same file is written again and again."""
    name, content, over = "a/b.jpg", os.urandom(300_000), threading.Event()

    def write() -> None:
        while not over.is_set():
            default_storage.save(name, SimpleUploadedFile("b.jpg", content))

    default_storage.save(name, SimpleUploadedFile("b.jpg", content))
    writer = threading.Thread(target=write)
    writer.start()
    try:
        seen = {default_storage.open(name).read() == content for _time in range(200)}
    finally:
        over.set()
        writer.join()
    assert seen == {True}


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    import boto3

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}/"
    options = {
        "bucket_name": "pictures",
        "region_name": "eu-central-1",
        "endpoint_url": endpoint,
        "access_key": "key",
        "secret_key": "secret",
    }
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="eu-central-1",
        aws_access_key_id="key",
        aws_secret_access_key="secret",
    )
    client.create_bucket(
        Bucket="pictures", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    storages = {
        **settings.STORAGES,
        "default": {"BACKEND": "noren_kit.files.s3.Bucket", "OPTIONS": options},
    }
    with override_settings(STORAGES=storages, MEDIA_URL=f"{endpoint}pictures/"):
        yield client, server
    server.stop()


def test_pictures_in_a_bucket(bucket: Any, shop: Shop, product: dict[str, Any]) -> None:
    client, server = bucket
    owner = shop.client("owner")
    first = send(owner, product["id"], picture(colour="blue")).json()["image_url"]
    second = send(owner, product["id"], picture("WEBP")).json()["image_url"]
    assert first.startswith("http://127.0.0.1:")
    assert "?" not in second
    name = second.partition("/pictures/")[2]
    kept = client.get_object(Bucket="pictures", Key=name)
    assert kept["Body"].read() == picture("WEBP")
    assert (kept["ContentType"], "immutable" in kept["CacheControl"]) == ("image/webp", True)
    assert Client().get(f"/media/{name}").status_code == 404
    assert sweep(shop) == 0
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("noren_kit.files.keeping.GRACE", timedelta(days=-1))
        assert sweep(shop) == 1
    listed = client.list_objects_v2(Bucket="pictures")["Contents"]
    assert [each["Key"] for each in listed] == [name]
    client.delete_object(Bucket="pictures", Key=name)
    client.delete_bucket(Bucket="pictures")
    answer = send(owner, product["id"], picture())
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    server.stop()
    answer = send(owner, product["id"], picture())
    assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)
    assert owner.get(f"{API}products/{product['id']}/").json()["image_url"] == second
