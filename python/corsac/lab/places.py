"""Where the lab's pages and its API are: names of this machine that are many origins."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Places"]


@dataclass(frozen=True, slots=True)
class Places:
    """The origins of a lab. All names end in ``.localhost``, which is this machine (RFC 6761).

    Those under ``lab.localhost`` are one site, so that the API's cookie travels between them.

    Attributes:
        page_port: Of the lab's page, and of most pages that ask.
        api_port: Of the API, and of one page that asks.
    """

    page_port: int
    api_port: int

    @property
    def control(self) -> str:
        """Where the user looks."""
        return f"http://lab.localhost:{self.page_port}"

    @property
    def api(self) -> str:
        """What is asked."""
        return f"http://api.lab.localhost:{self.api_port}"

    @property
    def other_api(self) -> str:
        """Where redirects to another origin lead."""
        return f"http://other-api.lab.localhost:{self.api_port}"

    @property
    def pages(self) -> dict[str, str]:
        """The origins of the pages that ask, by name; the sandboxed one has an opaque origin."""
        return {
            "app": f"http://app.lab.localhost:{self.page_port}",
            "admin": f"http://admin.app.lab.localhost:{self.page_port}",
            "port": f"http://app.lab.localhost:{self.api_port}",
            "stranger": f"http://stranger.localhost:{self.page_port}",
            "sandbox": "null",
        }

    def frame_url(self, page: str) -> str:
        """Where the frame of a page is loaded from."""
        origin = self.pages[page]
        return f"{self.pages['app'] if origin == 'null' else origin}/frame"

    @property
    def frame_origins(self) -> tuple[str, ...]:
        """All origins that frames are loaded from."""
        return tuple(origin for origin in self.pages.values() if origin != "null")

    @property
    def page_hosts(self) -> frozenset[str]:
        """What the Host header of a request to the pages may be."""
        port = self.page_port
        own = {f"lab.localhost:{port}", f"localhost:{port}", f"127.0.0.1:{port}"}
        return frozenset(own | {_host(it) for it in self.frame_origins if it.endswith(f":{port}")})

    @property
    def api_hosts(self) -> frozenset[str]:
        """What the Host header of a request to the API may be."""
        return frozenset(_host(it) for it in (self.api, self.other_api, self.pages["port"]))


def _host(origin: str) -> str:
    return origin.partition("://")[2]
