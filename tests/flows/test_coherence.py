"""No read that began after an acknowledged write shows less, whatever happens meanwhile.

Four web processes with a memory each over one Redis, delays between all steps, one writer in a
hundred killed between its commit and its answer, Redis flushed, frozen and killed. 30 seconds in
the suite, 1,000,000 reads in `make soak`.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from coherence_run import Outcome, Rates, Run
from coherence_world import make_world
from django.conf import settings

from noren_kit.testing.shops import Shop

SOAK = "NOREN_SOAK" in os.environ
TOKEN_SECONDS = 6 * 3600
RATES = (
    Rates(
        seconds=0,
        least_reads=int(os.environ.get("NOREN_SOAK_READS", "1_000_000")),
        most_seconds=TOKEN_SECONDS / 2,
        burst_seconds=1.0,
        rest_seconds=2.0,
        trouble_pause_seconds=4.0,
    )
    if SOAK
    else Rates(seconds=30, least_reads=500, least_writes=150)
)
MUTANTS = ["deaf:inventory_stockitem", "late", "deaf:catalog_category", "deaf:accounts_user"]


@pytest.fixture(autouse=True)
def _long_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(settings.NOREN_KIT, "ACCESS_TOKEN_SECONDS", TOKEN_SECONDS)


def outcome_of(shop: Shop, folder: Path, rates: Rates) -> Outcome:
    outcome = Run(make_world(shop), folder, rates).run()
    print(outcome, *(fault.partition("\n")[0] for fault in outcome.faults), sep="\n")
    return outcome


def test_nothing_stale_is_read(shop: Shop, tmp_path: Path) -> None:
    outcome = outcome_of(shop, tmp_path, RATES)
    assert outcome.faults == [], "\n\n".join(outcome.faults)
    assert outcome.reads["READS"] >= RATES.least_reads
    assert outcome.reads["HITS"] > 0
    assert outcome.reads["UNCHANGED"] > 0
    assert outcome.kills > 0
    assert outcome.restarts > 0
    assert {"flushed", "frozen", "back with its data", "back empty"} <= set(outcome.trouble)


@pytest.mark.parametrize("mutant", MUTANTS if SOAK else MUTANTS[:2])
def test_a_broken_cache_is_found_out(mutant: str, shop: Shop, tmp_path: Path) -> None:
    """Keys without one of the revisions, or with those of after the data was read."""
    rates = Rates(seconds=90, web_processes=2, slow=0.1, mutant=mutant)
    outcome = outcome_of(shop, tmp_path, rates)
    assert any("stale" in fault for fault in outcome.faults), outcome
