"""How a service says no. Wrong fields are Django's ValidationError, so that forms and commands show them alike."""

from typing import Any


class Refused(Exception):
    """A rule says no; the message tells the person why and what to do. Nothing was changed."""


class NotAllowed(Refused):
    """This person may not do this; somebody else may."""


class Stale(Refused):
    """The order or campaign has moved on since it was read."""


class NothingToCopy(Refused):
    """What an older order asked for can't be ordered any more, whatever state that order is in: `why`."""

    def __init__(self, why: str) -> None:
        super().__init__(f"{why} Nothing was done.")
        self.why = why


class Overtaken(Stale):
    """Somebody else has changed the entry of the catalogue since the form began: plain values by column, for the person."""

    def __init__(self, words: str, before: dict[str, Any], theirs: dict[str, Any], mine: dict[str, Any]) -> None:
        super().__init__(words)
        self.before, self.theirs, self.mine = before, theirs, mine
