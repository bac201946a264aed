"""The caller's standing comes with the tenant's setting `require_if_match`."""

from importlib import import_module
from typing import Any

from django.db import migrations

from noren_kit.db.functions import lookup_function, without

_BEFORE: Any = import_module("noren_kit.accounts.migrations.0005_standing_of_keys")
_STANDING, _KEY_STANDING = _BEFORE.Migration.operations[-5:-3]
_RESULTS = f"{_BEFORE._TENANT_RESULTS}, tenant_require_if_match boolean"
_VALUES = f"{_BEFORE._TENANT_VALUES}, t.require_if_match"


def _body(before: str) -> str:
    return before.replace(_BEFORE._TENANT_VALUES, _VALUES)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0010_versions"), ("tenancy", "0008_require_if_match")]

    operations = [
        without(_STANDING),
        without(_KEY_STANDING),
        lookup_function(
            "noren_standing(p_user uuid, p_session uuid, p_tenant uuid, p_named uuid)",
            f"TABLE ({_BEFORE._PERSON_RESULTS}, {_RESULTS})",
            _body(_BEFORE._STANDING),
            {"tenancy_tenant": ["require_if_match"]},
        ),
        lookup_function(
            "noren_key_standing(p_prefix text, p_digest text, p_address inet)",
            f"TABLE ({_BEFORE._PERSON_RESULTS}, {_RESULTS},"
            " key_id uuid, scopes text[], use_is_due boolean)",
            _body(_BEFORE._KEY_STANDING),
            {},
        ),
    ]
