"""The table of terms: what can be searched for, and which rows it stands in (ADR 0014)."""

from __future__ import annotations

from django.db import models

from noren_kit.db.constraints import TenantIsolation
from noren_kit.db.fields import TenantField
from noren_kit.tenancy.models import TenantRow


class Term(TenantRow):
    """A word of a row, written by the database itself; `id` is that of the row.

    `resource` tells tables apart (`Searched.resource`). `weight` is the best place that the
    word has in the row: 0 is a whole code, 1 a name or a part of a code, 2 other text. The key
    checks a row for a word, the index finds the rows of one, by weight and then by age: `term` is
    ordered by code points, so that prefixes are ranges. Codes have an index of their own.
    """

    unrecorded = "Follows from the words of other rows."

    # Each term follows from a row that has its tenant: a foreign key would be checked 40 times.
    tenant = TenantField(db_constraint=False)
    resource = models.SmallIntegerField()
    weight = models.SmallIntegerField()
    term = models.TextField(db_collation="C")

    class Meta(TenantRow.Meta):
        constraints = [TenantIsolation(name="search_term_isolation", further=["term"])]
        indexes = [
            models.Index(
                fields=["tenant", "resource", "term", "weight", "id"], name="search_term_ranked"
            ),
            models.Index(
                fields=["tenant", "resource", "term", "id"],
                condition=models.Q(weight=0),
                name="search_term_codes",
            ),
        ]

    def __str__(self) -> str:
        return self.term
