"""A call's answer, found before its effect and kept with it: one statement each.

The lock is tried and never waited for, and ends with the transaction, as does everything else
here: whatever happens to a call, nothing of it stays behind to be stuck in.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from noren_kit.core import context
from noren_kit.db.prepared import Question, execute_last, fetch_all
from noren_kit.idempotency.errors import AnswerNotKept, KeyInProgress, KeyMismatch

KEPT_SECONDS = 24 * 3600
# As it is packed; of a bulk call of 1,000 rows about a twentieth.
MOST_ANSWER_BYTES = 4 * 1024 * 1024

# In a function the look-up has a snapshot of its own, taken after the lock is had.
_FIND = "SELECT * FROM noren_find_kept_answer(%s, %s, %s)"
# One that has run out stands for nothing, whether or not it was swept. Of one that has not, the
# lock tells before; without the lock two effects would stand, and so it fails (22012).
_KEEP = """
WITH kept AS (
INSERT INTO idempotency_keptanswer AS k (tenant_id, id, fingerprint, answer, expires_at)
VALUES (%(tenant)s, %(id)s, %(fingerprint)s, %(answer)s, now() + make_interval(secs => %(seconds)s))
ON CONFLICT (tenant_id, id) DO UPDATE
   SET fingerprint = EXCLUDED.fingerprint, answer = EXCLUDED.answer,
       expires_at = EXCLUDED.expires_at
 WHERE k.expires_at <= now()
RETURNING true)
SELECT 1 / count(*) FROM kept
"""
_SWEEP = """
DELETE FROM idempotency_keptanswer
 WHERE tenant_id = %(tenant)s AND id IN (
       SELECT id FROM idempotency_keptanswer
        WHERE tenant_id = %(tenant)s AND expires_at <= now()
        ORDER BY expires_at LIMIT %(most)s FOR UPDATE SKIP LOCKED)
RETURNING true
"""


@dataclass(frozen=True, slots=True)
class Call:
    """One call as its retries name it: `id` for all of the same key, `fingerprint` by its body."""

    id: uuid.UUID
    fingerprint: bytes


def call_of(
    *, credential_id: uuid.UUID | None, method: str, path: str, key: str, content: bytes
) -> Call:
    """The call of a credential; `content` is what must be the same of each retry."""
    scope = repr((str(credential_id), method, path, key)).encode("utf-8", "surrogatepass")
    name = hashlib.blake2b(scope, digest_size=16).digest()
    return Call(uuid.UUID(bytes=name), hashlib.blake2b(content, digest_size=16).digest())


def find_answer(call: Call) -> bytes | None:
    """The kept answer of a call of the entered tenant; None if it is to be carried out now.

    Then nobody else carries it out until the transaction ends. Raises `KeyInProgress` while
    somebody does, `KeyMismatch` if the key was used with other content, and `AnswerNotKept`.
    """
    return answer_in(call, fetch_all(*finding(call, context.tenant_id())))


def finding(call: Call, tenant_id: uuid.UUID) -> Question:
    """What `find_answer` asks, for a tenant that is about to be entered."""
    scope = hashlib.blake2b(tenant_id.bytes + call.id.bytes, digest_size=8).digest()
    lock = int.from_bytes(scope, "big", signed=True)
    return Question(_FIND, (lock, tenant_id, call.id))


def answer_in(call: Call, rows: Sequence[tuple[Any, ...]]) -> bytes | None:
    """What the rows of `finding` come to; as `find_answer`."""
    ((free, fingerprint, answer),) = rows
    if not free:
        raise KeyInProgress
    if fingerprint is None:
        return None
    if bytes(fingerprint) != call.fingerprint:
        raise KeyMismatch
    if answer is None:
        raise AnswerNotKept
    return bytes(answer)


def keep_answer(call: Call, answer: bytes | None) -> None:
    """Keep the answer of a call that `find_answer` let through, in the same transaction.

    None, or one that is too large, marks the call as carried out.
    """
    if answer is not None and len(answer) > MOST_ANSWER_BYTES:
        answer = None
    values = {
        "tenant": context.tenant_id(),
        "id": call.id,
        "fingerprint": call.fingerprint,
        "answer": answer,
        "seconds": KEPT_SECONDS,
    }
    execute_last(_KEEP, values)


def sweep_expired(most: int) -> int:
    """Remove answers of the entered tenant that have run out; returns how many, `most` at most."""
    return len(fetch_all(_SWEEP, {"tenant": context.tenant_id(), "most": most}))
