"""Everything that a request can touch, opened together."""

from dataclasses import dataclass

from sandbox.faults import FaultBoard
from sandbox.ledger import Ledger
from sandbox.settings import Settings
from sandbox.store import Store
from sandbox.tokens import Tokens


@dataclass(frozen=True)
class World:
    settings: Settings
    store: Store
    ledger: Ledger
    faults: FaultBoard
    tokens: Tokens


def open_world(settings: Settings) -> World:
    """Open the state file and what is kept in it. Raise OSError or sqlite3.Error when it cannot be used."""
    store = Store(settings.state)
    tokens = Tokens(store, settings.organisation_id, settings.token_lifetime)
    return World(settings, store, Ledger(store), FaultBoard(store), tokens)
