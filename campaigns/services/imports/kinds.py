"""What can be imported in the admin."""

from campaigns.services.catalogue import TABLES, Kind
from campaigns.services.catalogue.checking import Columns
from campaigns.services.imports.order_rows import OrderTable

ORDERS = "orders"
NAMES = (*(kind.value for kind in Kind), ORDERS)


def columns_of(kind: str) -> Columns:
    """Return the columns of a kind, one of `NAMES`."""
    return OrderTable() if kind == ORDERS else TABLES[Kind(kind)]
