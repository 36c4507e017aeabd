"""What a list shows in the place of rows: what will appear there and the first step, or that nothing matches."""

from dataclasses import dataclass
from typing import Any

from django.contrib.admin.views.main import SEARCH_VAR
from django.urls import reverse

from campaigns.domain.texts import one_line

LONGEST = 60  # letters of a search that are said again


@dataclass(frozen=True)
class Step:
    """A page that leads to the first row of a list."""

    label: str
    url: str
    icon: str


@dataclass(frozen=True)
class Empty:
    """The words, and where to go on from them."""

    title: str
    words: str
    icon: str
    steps: list[Step]


def step(opts: Any, page: str, label: str, icon: str) -> Step:
    """Return the step to a page of a model that needs no row, such as its `add`."""
    return Step(label, reverse(f"admin:{opts.app_label}_{opts.model_name}_{page}"), icon)


def nothing_yet(cl: Any, words: str, steps: list[Step]) -> Empty:
    """Return what a list without any rows shows: what will appear in it, and how the first one comes."""
    return Empty(f"No {cl.opts.verbose_name_plural} yet", words, "inbox", steps)


def no_match(cl: Any) -> Empty:
    """Return what a list shows whose search or filters leave nothing; the way out keeps the columns and the order."""
    search = f"the search “{one_line(cl.query, LONGEST)}”" if cl.query else ""
    narrowed = "the filters" if _is_filtered(cl) else ""
    words = f"Nothing here fits {' and '.join(filter(None, [search, narrowed]))}."
    return Empty(f"No {cl.opts.verbose_name_plural} match", words, "search_off", [clear(cl)])


def clear(cl: Any) -> Step:
    """Return the way to the same list without search and filters, its columns and order as they are."""
    what = ["the search" if cl.query else "", "the filters" if _is_filtered(cl) else ""]
    url = cl.get_query_string(remove=[*cl.get_filters_params(), SEARCH_VAR])
    return Step(f"Clear {' and '.join(filter(None, what))}", url, "filter_list_off")


def _is_filtered(cl: Any) -> bool:
    return any(value for values in cl.get_filters_params().values() for value in values)
