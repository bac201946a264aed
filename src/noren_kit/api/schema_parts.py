"""What all operations of the OpenAPI document share: errors, headers, probes."""

from __future__ import annotations

from typing import Any

_TEXT: dict[str, Any] = {"type": "string"}
_COUNT: dict[str, Any] = {"type": "integer", "minimum": 1}
_HEALTH: dict[str, Any] = {
    "status": {"type": "string", "enum": ["ok", "degraded"]},
    "timestamp": {"type": "string", "format": "date-time"},
    "checks": {
        "type": "object",
        "additionalProperties": {"type": "string", "enum": ["ok", "failed"]},
    },
}
_STATUS: dict[str, Any] = {"type": "integer", "minimum": 400, "maximum": 599}
_DETAILS: dict[str, Any] = {
    "type": "object",
    "additionalProperties": True,
    "description": "With `validation_error`: `{field: [{code, message}]}`, nested as the input is.",
}

SCHEMAS: dict[str, Any] = {
    "Error": {
        "type": "object",
        "description": "Every answer from 400 up. `message` is for people, `code` is stable.",
        "properties": {
            "error": {"type": "boolean", "const": True},
            "status_code": _STATUS,
            "code": {"type": "string", "pattern": "^[a-z0-9_]+$"},
            "message": _TEXT,
            "details": _DETAILS,
            "timestamp": {"type": "string", "format": "date-time"},
            "request_id": _TEXT,
        },
        "required": [
            "error",
            "status_code",
            "code",
            "message",
            "details",
            "timestamp",
            "request_id",
        ],
        "additionalProperties": False,
    },
    "SparseHighlights": {
        "type": "object",
        "properties": {
            "highlights": {
                "type": "object",
                "additionalProperties": {"type": "string"},
                "description": "With `highlight=true` alone: by field, HTML, finds in `<em>`.",
            }
        },
    },
    "Problem": {
        "type": "object",
        "description": "The same facts as a problem document (RFC 9457).",
        "properties": {
            "type": {"type": "string", "format": "uri"},
            "title": _TEXT,
            "status": _STATUS,
            "detail": _TEXT,
            "instance": {"type": "string", "format": "uri"},
            "code": {"type": "string", "pattern": "^[a-z0-9_]+$"},
            "details": _DETAILS,
            "request_id": _TEXT,
        },
        "required": [
            "type",
            "title",
            "status",
            "detail",
            "instance",
            "code",
            "details",
            "request_id",
        ],
        "additionalProperties": False,
    },
    "PageInfo": {
        "type": "object",
        "properties": {
            "current_page": _COUNT,
            "total_pages": _COUNT,
            "page_size": _COUNT,
            "has_next": {"type": "boolean"},
            "has_previous": {"type": "boolean"},
            "count_is_minimum": {
                "const": True,
                "description": "There where the list has more rows than `count`.",
            },
        },
        "required": ["current_page", "total_pages", "page_size", "has_next", "has_previous"],
        "additionalProperties": False,
    },
    "CursorInfo": {
        "type": "object",
        "properties": {
            "current_cursor": {"type": ["string", "null"]},
            "page_size": _COUNT,
            "ordering": {"type": "array", "items": _TEXT},
        },
        "required": ["current_cursor", "page_size", "ordering"],
        "additionalProperties": False,
    },
    "Health": {
        "type": "object",
        "properties": _HEALTH,
        "required": [*_HEALTH],
    },
    "FullHealth": {
        "type": "object",
        "properties": {
            **_HEALTH,
            "figures": {
                "type": ["object", "null"],
                "description": "Of process and database, for platform staff alone.",
                "additionalProperties": {
                    "type": "object",
                    "additionalProperties": {"type": "integer"},
                },
            },
        },
        "required": [*_HEALTH, "figures"],
    },
    "Alive": {
        "type": "object",
        "properties": {"status": {"type": "string", "const": "ok"}},
        "required": ["status"],
    },
}

HEADERS: dict[str, Any] = {
    "RequestId": {
        "description": "The request's id: the caller's own `X-Request-ID`, or a new one.",
        "required": True,
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"},
    },
    "Authenticate": {
        "description": "How to sign in (RFC 9110, section 11.6.1).",
        "required": True,
        "schema": _TEXT,
    },
    "RetryAfter": {
        "description": "Seconds to wait before another attempt.",
        "required": True,
        "schema": {"type": "string", "pattern": "^[0-9]+$"},
    },
    "RateLimit": {
        "description": "Requests that remain (`r`) and seconds until they are full again (`t`).",
        "schema": {"type": "string", "pattern": '^"[a-z_]+";r=[0-9]+;t=[0-9]+$'},
    },
    "RateLimitPolicy": {
        "description": "The limit that counted: `q` requests in `w` seconds.",
        "schema": {"type": "string", "pattern": '^"[a-z_]+";q=[0-9]+;w=[0-9]+$'},
    },
    "ETag": {
        "description": (
            "Names this answer (RFC 9110, section 8.8.3); for `If-None-Match`. That of a row "
            "begins with its version, for `If-Match`."
        ),
        "required": True,
        "schema": {"type": "string", "pattern": '^"([1-9][0-9]*-)?[0-9a-f]{32}"$'},
    },
    "IdempotentReplayed": {
        "description": "`true` where the call was carried out before and this is its answer.",
        "schema": {"type": "string", "const": "true"},
    },
    "CacheStatus": {
        "description": "Whether the answer came out of memory (RFC 9211); it is never stale.",
        "schema": {"type": "string", "enum": ["noren; hit", "noren; fwd=miss"]},
    },
    "Location": {
        "description": "Address of what was made.",
        "required": True,
        "schema": {"type": "string", "format": "uri"},
    },
}
# Probes, which share some answers, have none.
RATE_LIMIT = {
    "RateLimit": {"$ref": "#/components/headers/RateLimit"},
    "RateLimit-Policy": {"$ref": "#/components/headers/RateLimitPolicy"},
}
# Answers that a client may keep and ask about.
ENTITY = {
    "ETag": {"$ref": "#/components/headers/ETag"},
    "Cache-Status": {"$ref": "#/components/headers/CacheStatus"},
}
# Answers to calls that may be sent again, and to writes of rows with versions.
REPLAYED = {"Idempotent-Replayed": {"$ref": "#/components/headers/IdempotentReplayed"}}
TAG = {"ETag": {"$ref": "#/components/headers/ETag"}}
REQUEST_ID = {"X-Request-ID": {"$ref": "#/components/headers/RequestId"}}

NOT_MODIFIED = {
    "description": "The client has this answer already.",
    "headers": {**REQUEST_ID, **RATE_LIMIT, **ENTITY},
}

# Name, description, and headers beside the request id, by status.
_ERRORS: dict[str, tuple[str, str, dict[str, str]]] = {
    "400": ("Invalid", "Malformed, or breaks a rule; `details` names the fields.", {}),
    "401": (
        "NotSignedIn",
        "Not signed in, or the token is dead.",
        {"WWW-Authenticate": "Authenticate"},
    ),
    "403": ("Forbidden", "Not allowed to this caller.", {}),
    "404": ("NotFound", "No such object or page.", {}),
    "406": ("NotAcceptable", "No accepted format can be given.", {}),
    "409": ("Conflict", "In conflict with the present state; `code` says how.", {}),
    "412": (
        "Stale",
        "The row is not at the version of `If-Match`; `ETag` is the present one.",
        {"ETag": "ETag"},
    ),
    "413": ("TooLarge", "The body is larger than 10 MB.", {}),
    "415": ("Unsupported", "Bodies are JSON in UTF-8, without a content encoding.", {}),
    "422": ("KeyMismatch", "The `Idempotency-Key` was used with another request.", {}),
    "428": ("VersionRequired", "The tenant wants `If-Match` on every change.", {}),
    "429": ("Throttled", "Too many requests of this caller.", {"Retry-After": "RetryAfter"}),
    "500": ("Failure", "A fault of the server; quote the request id.", {}),
    "503": ("Unavailable", "Busy or partly down.", {"Retry-After": "RetryAfter"}),
}


def _response(description: str, headers: dict[str, str]) -> dict[str, Any]:
    named = {name: {"$ref": f"#/components/headers/{ref}"} for name, ref in headers.items()}
    return {
        "description": description,
        "headers": {**REQUEST_ID, **RATE_LIMIT, **named},
        "content": {
            "application/json": {"schema": {"$ref": "#/components/schemas/Error"}},
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}},
        },
    }


RESPONSES = {
    name: _response(description, headers) for name, description, headers in _ERRORS.values()
}


def error_reference(status: str) -> dict[str, str]:
    return {"$ref": f"#/components/responses/{_ERRORS[status][0]}"}


def _probe(schema: str, operation_id: str, summary: str, description: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    answer = {"description": "Serving.", "headers": REQUEST_ID, "content": content}
    failures = {} if schema == "Alive" else {each: error_reference(each) for each in ("500", "503")}
    operation = {
        "operationId": operation_id,
        "summary": summary,
        "description": description,
        "tags": ["health"],
        "security": [{}],
        "responses": {"200": answer, **failures},
    }
    return {"get": operation}


PROBES: dict[str, Any] = {
    "/health/": _probe(
        "FullHealth", "health", "Health", "The state of each thing the service depends on."
    ),
    "/health/live/": _probe(
        "Alive", "health_live", "Liveness", "200 as long as the process answers."
    ),
    "/health/ready/": _probe(
        "Health",
        "health_ready",
        "Readiness",
        "200 when requests can be served, 503 while the database or its schema is not there.",
    ),
}
