"""Where the lab's pages and its API are: names of this machine that are many origins."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Places"]


@dataclass(frozen=True, slots=True)
class Places:
    """The origins of a lab. All names end in ``.localhost``, which is this machine (RFC 6761).

    Those under ``lab.localhost`` are one site, so that the API's cookie travels between them.
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

    @staticmethod
    def host(origin: str) -> str:
        """Give the Host header of requests to one of these origins."""
        return origin.partition("://")[2]
