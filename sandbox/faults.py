"""The faults that can be rehearsed, as data, and the board that remembers which are set and how often they hit."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta

from sandbox.store import Store
from sandbox.wire import Refusal

CallName = Literal["token", "publish", "status", "command"]
CALLS: tuple[CallName, ...] = get_args(CallName)
TOKEN_BEARERS: tuple[CallName, ...] = ("publish", "status", "command")


@dataclass(frozen=True)
class Fault:
    """A fault: what it does, which calls it can hit, and the name and default of the one thing that can be set."""

    name: str
    words: str
    calls: tuple[CallName, ...] = CALLS
    option: str | None = None
    default: Any = None


FAULTS = {
    fault.name: fault
    for fault in (
        Fault("late", "Do the work, but answer late.", option="seconds", default=10.0),
        Fault("cut_before", "Reset the connection before anything is done."),
        Fault("accept_then_cut", "Do the work, then reset the connection before the answer."),
        Fault("expire_tokens", "Make all tokens issued so far expire: 403 until a new one is fetched.", TOKEN_BEARERS),
        Fault("unauthorised", "Answer 401, do nothing."),
        Fault("forbidden", "Answer 403, do nothing."),
        Fault("too_many_requests", "Answer 429, do nothing.", option="retry_after", default=""),
        Fault("server_error_before", "Answer a server error, do nothing.", option="status", default=500),
        Fault("server_error_after", "Do the work, then answer a server error.", option="status", default=500),
        Fault("malformed_json", "Do the work, then answer with JSON that is broken off."),
        Fault("empty_ids", "Publish, then answer with no tracking ids.", ("publish",)),
        Fault("stuck_queue", "Publish; the campaigns stay queued until this is cleared.", ("publish",)),
        Fault("ignore_command", "Say that a pause, resume or cancel was done, and change nothing.", ("command",)),
        Fault(
            "status_lag",
            "Answer 404 for a campaign published less than so many seconds ago.",
            ("status", "command"),
            option="seconds",
            default=30.0,
        ),
    )
}


class Setting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One fault as it is set. `count` is how many requests it still hits; None means until it is cleared."""

    fault: str
    calls: list[CallName] = []
    count: Annotated[int, Meta(ge=1)] | None = 1
    seconds: Annotated[float, Meta(ge=0, le=600)] | None = None
    retry_after: Annotated[str, Meta(pattern=r"^[\x20-\x7e]*$", max_length=100)] | None = None
    status: Annotated[int, Meta(ge=500, le=599)] | None = None

    @property
    def option(self) -> Any:
        """The value of the one thing that can be set for this fault, if it has one."""
        name = FAULTS[self.fault].option
        return getattr(self, name) if name else None


def read_setting(fields: Any, strict: bool = True) -> Setting:
    """Return the checked setting with its defaults filled in. Raise Refusal (400) that says what is wrong."""
    try:
        setting = msgspec.convert(fields, Setting, strict=strict)
    except msgspec.ValidationError as problem:
        raise Refusal(400, str(problem)) from problem
    fault = known_fault(setting.fault)
    if misplaced := [call for call in setting.calls if call not in fault.calls]:
        raise Refusal(400, f"{fault.name} can hit {', '.join(fault.calls)}, not {', '.join(misplaced)}")
    for option in ("seconds", "retry_after", "status"):
        if option != fault.option and getattr(setting, option) is not None:
            raise Refusal(400, f"{fault.name} has no {option}")
    setting = msgspec.structs.replace(setting, calls=setting.calls or list(fault.calls))
    if fault.option and setting.option is None:
        setting = msgspec.structs.replace(setting, **{fault.option: fault.default})
    return setting


def known_fault(name: str) -> Fault:
    """Return the fault of that name. Raise Refusal (400) when there is none."""
    if name not in FAULTS:
        raise Refusal(400, f"No fault is called {name!r}. There are: {', '.join(FAULTS)}")
    return FAULTS[name]


class FaultBoard:
    """The faults that are set now, kept in the state file."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def set(self, setting: Setting) -> None:
        """Set a fault; an earlier setting of the same fault is replaced."""
        with self._store.transaction() as db:
            db.execute(
                "REPLACE INTO faults VALUES (?, ?, ?)",
                (setting.fault, msgspec.json.encode(setting).decode(), setting.count),
            )

    def clear(self, name: str | None = None) -> None:
        """Clear the fault of that name, or all of them."""
        with self._store.transaction() as db:
            db.execute("DELETE FROM faults WHERE name = coalesce(?, name)", (name,))

    def active(self) -> list[Setting]:
        """Return the faults that are set, each with the count that is left."""
        rows = self._store.rows("SELECT setting, remaining FROM faults ORDER BY name")
        return [_setting(row["setting"], row["remaining"]) for row in rows]

    def peek(self, name: str, call: CallName) -> Setting | None:
        """Return the fault if it would hit this call now, without counting it as a hit."""
        rows = self._store.rows("SELECT setting, remaining FROM faults WHERE name = ?", name)
        if not rows:
            return None
        setting = _setting(rows[0]["setting"], rows[0]["remaining"])
        return setting if call in setting.calls else None

    def take(self, name: str, call: CallName) -> Setting | None:
        """Return the fault if it hits this call, and count the hit; the last one clears it."""
        setting = self.peek(name, call)
        if setting is None or setting.count is None:
            return setting
        with self._store.transaction() as db:
            hit = db.execute("UPDATE faults SET remaining = remaining - 1 WHERE name = ? AND remaining > 0", (name,))
            db.execute("DELETE FROM faults WHERE name = ? AND remaining = 0", (name,))
        # Two requests may have seen the last hit; only one of them gets it.
        return setting if hit.rowcount == 1 else None


def _setting(text: str, remaining: int | None) -> Setting:
    return msgspec.structs.replace(msgspec.json.decode(text, type=Setting), count=remaining)
