"""What of an older content can still be ordered: the rest is left out, in words for whoever mends the new draft."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from campaigns import selectors
from campaigns.models import Listing
from campaigns.services.content import Content
from campaigns.services.errors import NothingToCopy
from campaigns.services.wording import when

MOST_NAMED = 8


@dataclass(frozen=True)
class Fitted:
    """A content that may be ordered now, and what was left out of it; empty where all of it is there."""

    content: Content
    left_out: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """Return what was left out, for the draft's page; empty where nothing was."""
        if not self.left_out:
            return ""
        more = len(self.left_out) - MOST_NAMED
        named = [*self.left_out[:MOST_NAMED], *([f"{more} more"] if more > 0 else [])]
        return f"Left out of the copy: {'; '.join(named)}. Look at it before you submit it."


def fit(content: Content, now: datetime, *, gone: Collection[int] | None = None) -> Fitted:
    """Leave out dates that are past, an agent and listings that nobody can order any more.

    `gone` are the ids of listings that nobody can buy or rent any more, where somebody has read them already.
    Raises NothingToCopy where the plan or branch is not active, or where no listing is left: then there is nothing to copy.
    """
    for name, chosen in (("Plan", content.plan), ("Branch", content.branch)):
        if not chosen.active:
            raise NothingToCopy(
                f"{name} {chosen} is not active, so there is nothing to copy. Activate it, or build a new order."
            )
    listings = _listings(content, selectors.gone_listings(content.listings) if gone is None else gone)
    fitting = replace(
        content,
        listings=listings,
        agent=content.agent if _agent_fits(content) else None,
        start_at=content.start_at if content.start_at and content.start_at > now else None,
        end_at=content.end_at if content.end_at and content.end_at > now else None,
    )
    return Fitted(fitting, tuple(_left_out(content, fitting)))


def _listings(content: Content, gone: Collection[int]) -> tuple[Listing, ...]:
    kept = tuple(
        listing for listing in content.listings if listing.branch_id == content.branch.pk and listing.pk not in gone
    )
    most = content.plan.max_listings
    if not kept:
        raise NothingToCopy(
            "None of the listings can be advertised any more: they are inactive, sold, withdrawn or of another branch. "
            "Build a new order."
        )
    if most is not None and len(kept) > most:
        raise NothingToCopy(
            f"Plan {content.plan} takes at most {most} listings now, not {len(kept)}. "
            "Build a new order with fewer listings, or with another plan."
        )
    return kept


def _agent_fits(content: Content) -> bool:
    agent = content.agent
    return agent is not None and agent.active and agent.branch_id == content.branch.pk


def _left_out(old: Content, new: Content) -> Iterator[str]:
    if old.start_at and new.start_at is None:
        yield f"the start, {when(old.start_at)}, because it is past (without one, Flow begins at once)"
    if old.end_at and new.end_at is None:
        yield f"the end, {when(old.end_at)}, because it is past (without one, the plan decides)"
    if old.agent and new.agent is None:
        yield f"agent {old.agent}, who is not active or works at another branch"
    kept = {listing.pk for listing in new.listings}
    for listing in old.listings:
        if listing.pk not in kept:
            yield f"listing {listing}, which is inactive, sold, withdrawn or of another branch"
