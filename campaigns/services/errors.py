"""How a service says no. Wrong fields are Django's ValidationError, so that forms and commands show them alike."""


class Refused(Exception):
    """A rule says no; the message tells the person why and what to do. Nothing was changed."""


class NotAllowed(Refused):
    """This person may not do this; somebody else may."""


class Stale(Refused):
    """The order or campaign has moved on since it was read."""
