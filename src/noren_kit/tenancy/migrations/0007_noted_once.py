"""What a transaction has noted already is passed over: an order's lines after the order."""

from importlib import import_module
from typing import Any

from django.db import migrations

_COUNTING: Any = import_module("noren_kit.tenancy.migrations.0006_counting_revisions")
_MAKE: str = _COUNTING._NOTE.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")
# What the note holds stands for a settlement that is in the queue: rows of a collection that is
# in it, and of which none is counted, add nothing.
_SKIPPING = """    known boolean;
BEGIN
    IF NOT counts AND noted <> '{}' THEN
        IF TG_OP = 'DELETE' THEN
            known := NOT EXISTS (SELECT FROM before
                                  WHERE NOT noted ? (tenant_id || ' ' || TG_ARGV[0]));
        ELSE
            known := NOT EXISTS (SELECT FROM now
                                  WHERE NOT noted ? (tenant_id || ' ' || TG_ARGV[0]));
        END IF;
        IF known THEN
            RETURN NULL;
        END IF;
    END IF;
"""
_ONCE = _MAKE.replace("BEGIN\n", _SKIPPING, 1)


class Migration(migrations.Migration):
    dependencies = [("tenancy", "0006_counting_revisions")]

    operations = [migrations.RunSQL(_ONCE, _MAKE)]
