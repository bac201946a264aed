"""What a newcomer is shown when the stack serves: where it is, who may sign in, what to try."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

_WALK = """\
BASE={base}
sign_in() {{ curl -s $BASE/api/auth/token/ -H 'Content-Type: application/json' \\
  -d '{{"username": "'$1'", "password": "'$2'"}}' \\
  | python3 -c 'import json,sys; print(json.load(sys.stdin)["access"])'; }}
TOKEN=$(sign_in {username} {password})
api() {{ curl -s "$BASE/api/v1/$1" -H "Authorization: Bearer $TOKEN" \\
  -H 'Content-Type: application/json' "${{@:2}}"; echo; }}
id() {{ python3 -c 'import json,sys; print(json.load(sys.stdin)["results"]['$1']["id"])'; }}

api 'products/?page_size=3&fields=sku,name,price,stock_quantity'
api 'products/?search={search}&page_size=3&fields=sku,name'
LIST='products/?status=active&availability_status=in_stock&page_size=2'
ONE=$(api "$LIST" | id 0) TWO=$(api "$LIST" | id 1) BUYER=$(api 'customers/?page_size=1' | id 0)
api products/$ONE/check_stock/
api orders/ -d '{{"customer": "'$BUYER'", "items": [
  {{"product_id": "'$ONE'", "quantity": 2}}, {{"product_id": "'$TWO'", "quantity": 1}}]}}'
api products/$ONE/check_stock/
{neighbour}"""

_SIGN_IN = ("username", "password")

_NEIGHBOUR = """\
TOKEN=$(sign_in {username} {password})   # the shop next door sees nothing of it
api products/$ONE/
"""


def _accounts(facts: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, str]]]:
    for tenant in facts.get("tenants", []):
        for user in tenant.get("users", []):
            yield tenant["name"], user


def walk(facts: Mapping[str, Any], *, search: str = "tea") -> str:
    """Shell commands to copy and paste: sign in, list, search, order two products, check stock.

    With a second shop, also a look at the first one's product from there. Empty where there is
    nobody to sign in. `facts` are those of `run.json`.
    """
    shops = dict(reversed(list(_accounts(facts))))
    if not shops:
        return ""
    first, *others = (
        {name: shlex.quote(user[name]) for name in _SIGN_IN} for user in reversed(shops.values())
    )
    neighbour = _NEIGHBOUR.format(**others[0]) if others else ""
    return _WALK.format(base=facts["base_url"], search=search, neighbour=neighbour, **first)


def welcome(facts: Mapping[str, Any]) -> str:
    """The whole screen: addresses, credentials and the walk."""
    base = facts["base_url"]
    lines = ["", f"  Noren      {base}/api/v1/", f"  API docs   {base}/api/docs/", ""]
    for tenant, user in _accounts(facts):
        lines.append(f"  {tenant:<24} {user['role']:<9} {user['username']:<24} {user['password']}")
    if platform := facts.get("platform"):
        username, password = platform["username"], platform["password"]
        lines.append(f"  {'(platform staff)':<24} {'':<9} {username:<24} {password}")
    if commands := walk(facts):
        lines += ["", "  Copy and paste into another terminal:", "", commands.rstrip()]
    return "\n".join([*lines, "", "  Ctrl-C stops everything.", ""])
