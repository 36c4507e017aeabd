"""The catalogue: the one door that writes branches, agents, plans and listings."""

from campaigns.services.catalogue.columns import TABLES, Entry, Kind
from campaigns.services.catalogue.importing import ImportResult, import_catalogue
from campaigns.services.catalogue.reading import RowError
from campaigns.services.catalogue.saving import check, delete, save, why_kept

__all__ = [
    "TABLES",
    "Entry",
    "ImportResult",
    "Kind",
    "RowError",
    "check",
    "delete",
    "examine",
    "import_catalogue",
    "save",
    "why_kept",
]
