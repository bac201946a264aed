"""A day's work through the proxy, and what it must look like on the way."""

from __future__ import annotations

import io
import time
from typing import Any
from urllib.parse import quote, urlsplit

from PIL import Image

from noren_kit.stack.probing import probe
from rehearsal import limits, stopping, transport, watching
from rehearsal.client import Answer, Client
from rehearsal.servers import NAME
from rehearsal.stage import Stage

# One of each header's parts, whose order says nothing.
SECURITY_HEADERS = {
    "strict-transport-security": "max-age=31536000",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "content-security-policy": "default-src 'none'",
}


def use(stage: Stage) -> None:
    """All checks, from the network upwards, and in the end the stop."""
    watching.targets(stage)
    transport.check(stage)
    probes(stage)
    owner = sign_in(stage)
    reads(stage, owner)
    order_and_cancel(stage, owner)
    picture(stage, owner)
    watching.figures(stage)
    limits.check(stage)
    log_lines(stage, owner)
    watching.outage(stage)
    stopping.drain(stage)
    stopping.stop(stage)


def headers_hold(stage: Stage, what: str, answer: Answer) -> None:
    """Each security header once, whoever answered; the request's id; no version of a server."""
    report = stage.report
    for name, part in SECURITY_HEADERS.items():
        seen = answer.headers.get(name, "")
        once = answer.names.count(name) == 1
        parts = [each.strip() for each in seen.split(";")]
        report.check(f"{what}: {name}", part in parts and once, (seen, once))
    report.equal(f"{what}: server", answer.headers.get("server"), "nginx")
    report.equal(f"{what}: one request id", answer.names.count("x-request-id"), 1)


def envelope_holds(stage: Stage, what: str, answer: Answer, status: int, code: str) -> None:
    """The contract's error, with the id that the header names."""
    report = stage.report
    kind = answer.headers.get("content-type", "")
    report.check(f"{what}: {status} in JSON", answer.status == status and "json" in kind, answer)
    if "json" not in kind:
        return
    body = answer.data
    wanted = {"error", "status_code", "code", "message", "details", "timestamp", "request_id"}
    report.equal(f"{what}: the envelope's members", set(body), wanted)
    told = (body.get("status_code"), body.get("code"), body.get("request_id"))
    report.equal(f"{what}: its facts", told, (status, code, answer.headers.get("x-request-id")))


def probes(stage: Stage) -> None:
    """No credential, no redirect, by HTTPS, by plain HTTP and at the process itself."""
    report, client, plain = stage.report, stage.client(), stage.client(plain=True)
    for path in ("/health/live/", "/health/ready/", "/health/"):
        report.equal(f"{path} by HTTPS", client.send("GET", path).status, 200)
        report.equal(f"{path} by plain HTTP", plain.send("GET", path).status, 200)
        for port in stage.servers.web_ports:
            report.check(f"{path} at {port}", probe(port, path).startswith("200"))
    report.equal("all is well", client.send("GET", "/health/").data["status"], "ok")
    hidden = client.send("GET", "/metrics")
    envelope_holds(stage, "/metrics from outside", hidden, 404, "not_found")
    client.close()
    plain.close()


def sign_in(stage: Stage) -> Client:
    """The owner, with a forged address that nobody believes."""
    report, person = stage.report, stage.person("owner")
    client = stage.client("127.0.0.21")
    wrong = {"username": person["username"], "password": "not this one"}
    forged = {"X-Forwarded-For": "198.51.100.7", "Forwarded": "for=198.51.100.7"}
    refused = client.send("POST", "/api/auth/token/", wrong, **forged)
    report.equal("a wrong password", refused.status, 401)
    address = stage.ask_database(
        "SELECT address FROM audit_accessentry WHERE kind = 'sign_in_failed'"
        " ORDER BY occurred_at DESC LIMIT 1"
    )
    report.equal("the address is the proxy's word, not the client's", address, "127.0.0.21")
    answer = client.sign_in(person["username"], person["password"])
    report.equal("sign-in", answer.status, 200)
    cookie = answer.headers.get("set-cookie", "")
    wanted = ("HttpOnly", "Secure", "SameSite=Lax", "Path=/api/auth/")
    report.check("the cookie's attributes", all(each in cookie for each in wanted), cookie)
    headers_hold(stage, "sign-in", answer)
    return client


def reads(stage: Stage, owner: Client) -> None:
    """List, search, detail, 304; an id that was given; errors of the application."""
    report = stage.report
    listed = owner.send("GET", "/api/v1/products/?page_size=5", X_Request_ID="rehearsal-list")
    report.equal("list", (listed.status, len(listed.data["results"])), (200, 5))
    headers_hold(stage, "list", listed)
    report.equal("the id goes through", listed.headers["x-request-id"], "rehearsal-list")
    report.check("limits are told", "ratelimit" in listed.headers, listed.headers)
    tag = listed.headers.get("etag", "")
    again = owner.send("GET", "/api/v1/products/?page_size=5", If_None_Match=tag)
    report.equal("the same list again", (again.status, again.body), (304, b""))
    word = listed.data["results"][0]["name"].split()[0]
    found = owner.send("GET", f"/api/v1/products/?search={quote(word)}&page_size=5")
    report.check("search", found.status == 200 and len(found.data["results"]) > 0, found.status)
    missing = owner.send("GET", "/api/v1/products/00000000-0000-7000-8000-000000000000/")
    envelope_holds(stage, "a product that is not there", missing, 404, "not_found")
    headers_hold(stage, "a product that is not there", missing)
    anonymous = stage.client("127.0.0.22")
    envelope_holds(
        stage, "nobody", anonymous.send("GET", "/api/v1/products/"), 401, "not_authenticated"
    )
    anonymous.close()


def one_order(owner: Client) -> tuple[dict[str, Any], str]:
    """A body for an order of one product in stock, and the product's id."""
    products = owner.send(
        "GET", "/api/v1/products/?status=active&availability_status=in_stock&page_size=1"
    ).data["results"]
    customers = owner.send("GET", "/api/v1/customers/?page_size=1").data["results"]
    product = products[0]["id"]
    items = [{"product_id": product, "quantity": 2}]
    return {"customer": customers[0]["id"], "items": items}, product


def order_and_cancel(stage: Stage, owner: Client) -> None:
    """Stock goes and comes back, the repeat is the same order, and the mail arrives."""
    report = stage.report
    body, product = one_order(owner)
    stock = f"/api/v1/products/{product}/check_stock/"
    before = owner.send("GET", stock).data["quantity"]
    placed = owner.send("POST", "/api/v1/orders/", body, Idempotency_Key="rehearsal-1")
    report.equal("order", placed.status, 201)
    again = owner.send("POST", "/api/v1/orders/", body, Idempotency_Key="rehearsal-1")
    replayed = (again.status, again.headers.get("idempotent-replayed"), again.data["id"])
    report.equal("the same order again", replayed, (201, "true", placed.data["id"]))
    report.equal("stock went down", owner.send("GET", stock).data["quantity"], before - 2)
    number = placed.data["order_number"]
    mailed = stage.eventually(lambda: stage.mailbox.mentions(number))
    report.check("the confirmation arrives by mail", mailed, len(stage.mailbox.mails))
    cancelled = owner.send("POST", f"/api/v1/orders/{placed.data['id']}/cancel/", {})
    report.equal("cancel", (cancelled.status, cancelled.data.get("status")), (200, "cancelled"))
    report.equal("stock came back", owner.send("GET", stock).data["quantity"], before)
    handled = stage.eventually(lambda: stage.pending() == 0)
    report.check("every event is handled", handled, stage.pending())


def picture(stage: Stage, owner: Client) -> None:
    """Sent as a form, read by anybody, many at once as a page does."""
    report = stage.report
    _body, product = one_order(owner)
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), "green").save(buffer, "WEBP")
    head = 'Content-Disposition: form-data; name="image"; filename="tea.webp"'
    form = b"--x\r\n" + head.encode() + b"\r\n\r\n" + buffer.getvalue() + b"\r\n--x--\r\n"
    kind = "multipart/form-data; boundary=x"
    sent = owner.send("POST", f"/api/v1/products/{product}/image/", form, Content_Type=kind)
    report.equal("a picture is sent", sent.status, 200)
    if sent.status != 200:
        return
    place = urlsplit(sent.data["image_url"])
    origin = f"{place.scheme}://{place.netloc}"
    report.equal("its address", origin, f"https://{NAME}:{stage.servers.https_port}")
    anybody = stage.client("127.0.0.23")
    answers = [anybody.send("GET", place.path) for _each in range(50)]
    report.equal("anybody reads it, often", {each.status for each in answers}, {200})
    report.check("it is what was sent", answers[0].body == buffer.getvalue())
    report.equal("its kind", answers[0].headers.get("content-type"), "image/webp")
    headers_hold(stage, "a picture", answers[0])
    anybody.close()


def log_lines(stage: Stage, owner: Client) -> None:
    """One request in both logs by one id; nothing secret in any."""
    report = stage.report
    identifier = f"rehearsal-{time.time_ns()}"
    owner.send("GET", "/api/v1/brands/?search=nothing", X_Request_ID=identifier)
    web = [line for index in (1, 2) for line in stage.lines(f"web-{index}")]
    mine = [line for line in web if line.get("request_id") == identifier]
    ends = [line for line in mine if line.get("event") == "request"]
    report.equal("one line of the application at its end", len(ends), 1)
    wanted = {"method", "route", "status", "duration_ms", "tenant", "user_id", "timestamp"}
    report.check("its facts", bool(ends) and wanted <= set(ends[0]), ends)
    proxy = [line for line in stage.lines("nginx") if line.get("request_id") == identifier]
    report.equal("one line of the proxy", len(proxy), 1)
    facts = proxy[0] if proxy else {}
    told = [facts.get(name) for name in ("address", "path", "status", "upstream_status")]
    report.equal("its facts", told, ["127.0.0.21", "/api/v1/brands/", 200, "200"])
    environment = stage.application.environment
    secrets = [environment[name] for name in ("SECRET_KEY", "REDIS_URL", "DATABASE_URL")]
    secrets += [stage.person("owner")["password"], owner.token or "-"]
    secrets += stage.servers.passwords.values()
    files = stage.servers.log("web-1").parent.iterdir()
    logs = {file.name: file.read_text(errors="replace") for file in files}
    told_in = [name for name, text in logs.items() if any(each in text for each in secrets)]
    report.equal("secrets in logs", told_in, [])
    tracebacks = [name for name, text in logs.items() if "Traceback" in text]
    report.equal("tracebacks in logs", tracebacks, [])
