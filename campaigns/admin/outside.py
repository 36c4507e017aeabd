"""What comes from outside: links out of the console, and the last look at each page before it leaves."""

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.html import format_html
from django.utils.safestring import SafeString

from campaigns.domain.texts import without_hidden

LONGEST = 20_000
"""The longest text that a page shows in one piece."""
# What is in a form is kept whole, or saving it again would lose the rest.
_KEPT = r"<(?P<tag>script|style|textarea)\b.*?</(?P=tag)>"
_SHOWN = rf"(?P<before>>)(?P<text>[^<>]{{{LONGEST},}})"
_POINTED_AT = rf"(?P<name>\b(?:title|aria-label)=\")(?P<hint>[^\"]{{{LONGEST},}})"
_LONG = re.compile(f"{_KEPT}|{_SHOWN}|{_POINTED_AT}", re.DOTALL)
_HALF_ENTITY = re.compile(r"&[^;]{0,10}\Z")


class InertPages:
    """Middleware: no page or answer of the console holds a mark of direction or a control character, or goes on without end.

    Flow, imports and rows that were written behind the console's back have many ways onto a page; all pass here.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer the request with texts that are what they look like."""
        answer = self.get_response(request)
        kind = answer.headers.get("Content-Type", "").partition(";")[0]
        if isinstance(answer, HttpResponse) and answer.content:
            if kind == "text/html":
                answer.content = page(answer.content.decode(answer.charset))
            elif kind == "application/json":
                answer.content = json.dumps(data(json.loads(answer.content)))
        return answer


def page(html: str) -> str:
    """Return a page without hidden letters, and with each text of it cut."""
    return _LONG.sub(_cut_match, without_hidden(html))


def data(value: Any) -> Any:
    """Return the value of a JSON answer with all of its texts without hidden letters, and cut."""
    if isinstance(value, str):
        return _cut(without_hidden(value))
    if isinstance(value, list):
        return [data(each) for each in value]
    return {key: data(each) for key, each in value.items()} if isinstance(value, dict) else value


def _cut_match(found: re.Match[str]) -> str:
    if found["tag"]:
        return found[0]
    return f"{found['before'] or found['name']}{_cut(found['text'] or found['hint'])}"


def _cut(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    return f"{_HALF_ENTITY.sub('', text[:LONGEST])}…"


def link(text: str, url: str, about: object) -> SafeString | str:
    """Return a link that opens in a new tab and names the host it leads to; empty where the address is no web page's.

    The page that it leads to learns neither where the person came from nor anything that it could open here.
    """
    host = _host(url)
    if not host:
        return ""
    return format_html(
        '<a class="text-link" href="{}" target="_blank" rel="noopener noreferrer">{}'
        '<span class="console-unseen"> of <bdi>{}</bdi></span> at <bdi>{}</bdi>'
        '<span class="console-unseen"> (opens in a new tab)</span></a>',
        url,
        text,
        about,
        host,
    )


def _host(url: str) -> str:
    """Return the host of a web address without its port; empty for anything else."""
    if not url.isprintable() or " " in url:
        return ""
    try:
        parts = urlsplit(url)
        return (parts.hostname or "") if parts.scheme in ("http", "https") else ""
    except ValueError:
        return ""
