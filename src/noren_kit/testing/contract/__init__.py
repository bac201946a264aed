"""What every resource promises over HTTP, asked of each by one small test class.

`ResourceContract` is the whole of it. A resource that offers fewer verbs takes the parts that
it has: `class TestOrder(ListContract, CreateContract, AccessContract)`.
"""

from noren_kit.testing.contract.access import AccessContract
from noren_kit.testing.contract.base import ContractBase
from noren_kit.testing.contract.bin import BinContract
from noren_kit.testing.contract.bulk import BulkContract
from noren_kit.testing.contract.changing import ChangeContract, DeleteContract
from noren_kit.testing.contract.creating import CreateContract
from noren_kit.testing.contract.cursors import CursorContract
from noren_kit.testing.contract.history import HistoryContract
from noren_kit.testing.contract.lists import ListContract
from noren_kit.testing.contract.nesting import NestedContract
from noren_kit.testing.contract.retrying import RetryContract
from noren_kit.testing.contract.versions import VersionContract


class ResourceContract(
    ListContract,
    CursorContract,
    CreateContract,
    ChangeContract,
    DeleteContract,
    BinContract,
    BulkContract,
    AccessContract,
    NestedContract,
):
    """List, detail, create, change, delete; bin; bulk; both paginations; rights; tenants apart."""


__all__ = [
    "AccessContract",
    "BinContract",
    "BulkContract",
    "ChangeContract",
    "ContractBase",
    "CreateContract",
    "CursorContract",
    "DeleteContract",
    "HistoryContract",
    "ListContract",
    "NestedContract",
    "ResourceContract",
    "RetryContract",
    "VersionContract",
]
