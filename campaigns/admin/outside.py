"""Links out of the console. Their addresses come from imports: nothing of them is loaded, and only web pages are linked."""

from urllib.parse import urlsplit

from django.utils.html import format_html
from django.utils.safestring import SafeString


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
