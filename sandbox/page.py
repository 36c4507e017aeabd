"""The page for people: what was published, what was commanded, and the faults. Everything shown is escaped."""

from datetime import datetime
from html import escape
from typing import Any

from sandbox.faults import FAULTS, Fault, Setting
from sandbox.ledger import Command, Published
from sandbox.life import Campaign, Pace, exists_at, status_at
from sandbox.world import World

SHOWN = 100
FORM = '<form method="post" action="/sandbox/faults">'
OPTION_LABELS = {
    "seconds": ("Seconds", 'type="number" min="0" max="600" step="any" required'),
    "retry_after": ("Retry-After (as is; empty for none)", 'type="text" maxlength="100"'),
    "status": ("HTTP status", 'type="number" min="500" max="599" required'),
}


def render(world: World, now: datetime) -> str:
    """Return the whole page as HTML."""
    publishes, commands = world.ledger.counts()
    pace = world.settings.pace
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>SANDBOX, not Flow</title><link rel="stylesheet" href="/page.css"></head><body>
<header><h1>SANDBOX</h1><p><strong>This is not Flow. No money is spent, nothing is advertised.</strong></p></header>
<main>
{_repeats(world.ledger.repeats())}
{_about(world, pace, now)}
<section aria-labelledby="published"><h2 id="published">Published: {publishes}</h2>
{_publishes(world.ledger.publishes(SHOWN), publishes, pace, now)}</section>
<section aria-labelledby="commands"><h2 id="commands">Commands: {commands}</h2>
{_commands(world.ledger.commands(SHOWN), commands)}</section>
<section aria-labelledby="faults"><h2 id="faults">Faults to rehearse</h2>
{_faults({setting.fault: setting for setting in world.faults.active()})}</section>
</main></body></html>
"""


def _repeats(repeats: dict[str, int]) -> str:
    if not repeats:
        return ""
    items = "".join(f"<li>{_text(ref)}: {times} times</li>" for ref, times in repeats.items())
    return (
        '<section class="alarm" aria-labelledby="repeats"><h2 id="repeats">PUBLISHED MORE THAN ONCE</h2>'
        f"<p>At Flow each of these orders would have spent its money more than once.</p><ul>{items}</ul></section>"
    )


def _about(world: World, pace: Pace, now: datetime) -> str:
    going_live = (
        "then waits for its startDate" if pace.wait_for_start else "then is live at once, even before its startDate"
    )
    return f"""<section aria-labelledby="about"><h2 id="about">How time passes here</h2>
<p>A campaign is <em>queued</em> for {_seconds(pace.queued.total_seconds())}, <em>in_progress</em> for
{_seconds(pace.in_progress.total_seconds())}, {going_live}
(SANDBOX_WAIT_FOR_START={str(pace.wait_for_start).lower()}).
It is <em>completed</em> at its endDate; without one it runs until it is cancelled. A plan whose reference ends in
“v2” makes two campaigns, any other makes one. The same orderRef twice is published twice.</p>
<p>Organisation id: <code>{_text(world.settings.organisation_id)}</code>. Now: {_moment(now)}.
As JSON: <a href="/sandbox/ledger">ledger</a>, <a href="/sandbox/faults">faults</a>. <a href="/">Look again</a></p>
</section>"""


def _publishes(publishes: list[Published], total: int, pace: Pace, now: datetime) -> str:
    if not publishes:
        return "<p>Nothing was published yet.</p>"
    rows = [
        [
            _moment(published.at),
            _order_ref(published),
            _text(published.body["planRef"]),
            _text(published.body["branchId"]),
            _text(", ".join(published.body["listingExternalIds"])),
            _text(published.body.get("budgetOverride", "plan’s default")),
            "<br>".join(_campaign(campaign, pace, now) for campaign in published.campaigns),
        ]
        for published in publishes
    ]
    heads = ["Published", "orderRef", "Plan", "Branch", "Listings", "Budget", "Campaigns"]
    return _more(len(rows), total) + _table("The last publishes, newest first", heads, rows)


def _order_ref(published: Published) -> str:
    if published.order_ref is None:
        return "(none)"
    repeat = f" <strong class='alarm'>REPEAT no. {published.nth}</strong>" if published.nth > 1 else ""
    return _text(published.order_ref) + repeat


def _campaign(campaign: Campaign, pace: Pace, now: datetime) -> str:
    campaign_id = f" ({_text(campaign.campaign_id)})" if exists_at(campaign, pace, now) else ""
    stuck = ", stuck by a fault" if campaign.stuck else ""
    dates = f"{_moment(campaign.starts_at)} to {_moment(campaign.ends_at)}"
    status = status_at(campaign, pace, now)
    return f"<code>{_text(campaign.tracking_id)}</code>{campaign_id}: <b>{status}</b>{stuck}, {dates}"


def _commands(commands: list[Command], total: int) -> str:
    if not commands:
        return "<p>Nothing was commanded yet.</p>"
    rows = [
        [_moment(command.at), *map(_text, (command.tracking_id, command.status, command.reason or "", command.outcome))]
        for command in commands
    ]
    heads = ["Asked", "Campaign", "Status asked for", "Reason", "Outcome"]
    return _more(len(rows), total) + _table("The last commands, newest first", heads, rows)


def _faults(active: dict[str, Setting]) -> str:
    forms = "".join(_fault(fault, active.get(fault.name)) for fault in FAULTS.values())
    clear_all = f'{FORM}<button name="action" value="clear">Clear all faults</button></form>' if active else ""
    return f"<p>{len(active)} set.</p>{clear_all}{forms}"


def _fault(fault: Fault, setting: Setting | None) -> str:
    clear = f'<button name="action" value="clear" aria-label="Clear {fault.name}">Clear</button>' if setting else ""
    return f"""{FORM}<fieldset{' class="set"' if setting else ""}>
<legend>{fault.name}{f": SET, {_hits(setting)}" if setting else ""}</legend><p>{_text(fault.words)}</p>
<input type="hidden" name="fault" value="{fault.name}">
<div class="fields">{_calls(fault, setting)}{_option(fault, setting)}
<label>How many requests <input type="number" name="count" min="1" value="1" required></label>
<label><input type="checkbox" name="until_cleared" value="yes"> until cleared</label>
<button name="action" value="set" aria-label="Set {fault.name}">Set</button>{clear}</div></fieldset></form>"""


def _hits(setting: Setting) -> str:
    times = "until cleared" if setting.count is None else f"{setting.count} left"
    return f"{times}, on {', '.join(setting.calls)}"


def _calls(fault: Fault, setting: Setting | None) -> str:
    hit = setting.calls if setting else fault.calls
    ticks = {call: " checked" if call in hit else "" for call in fault.calls}
    return "".join(
        f'<label><input type="checkbox" name="calls" value="{call}"{tick}> {call}</label>'
        for call, tick in ticks.items()
    )


def _option(fault: Fault, setting: Setting | None) -> str:
    if fault.option is None:
        return ""
    label, attributes = OPTION_LABELS[fault.option]
    value = setting.option if setting else fault.default
    return f'<label>{label} <input name="{fault.option}" value="{_text(value)}" {attributes}></label>'


def _table(caption: str, heads: list[str], rows: list[list[str]]) -> str:
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return (
        f'<div class="wide" role="region" aria-label="{caption}" tabindex="0"><table><caption>{caption}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _more(shown: int, total: int) -> str:
    return f"<p>The last {shown} of {total}; the ledger has all.</p>" if shown < total else ""


def _moment(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S %Z}" if moment else "(none)"


def _seconds(seconds: float) -> str:
    return f"{seconds:g} s"


def _text(value: Any) -> str:
    return escape(str(value))
