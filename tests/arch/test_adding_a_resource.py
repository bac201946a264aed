"""Adding `Supplier` took at most 30 lines that are not blank, its test included.

The example of CONTRIBUTING is counted where it stands: if a plain resource comes to need more,
the kit is to be mended.
"""

from __future__ import annotations

import inspect
from pathlib import Path

from noren.catalog import urls
from noren.catalog.models import Supplier
from noren.catalog.serializers import SupplierSerializer
from noren.catalog.views import SupplierViewSet

TEST = Path(__file__).parents[1] / "catalog" / "test_suppliers.py"


def test_supplier_took_at_most_30_lines() -> None:
    sources = [inspect.getsource(each) for each in (Supplier, SupplierSerializer, SupplierViewSet)]
    route = [line for line in inspect.getsource(urls).splitlines() if "SupplierViewSet" in line]
    assert len(route) == 1
    sources += [*route, TEST.read_text(encoding="utf-8")]
    lines = [line for source in sources for line in source.splitlines() if line.strip()]
    assert 15 < len(lines) <= 30, len(lines)
