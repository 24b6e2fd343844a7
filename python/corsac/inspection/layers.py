"""CORS layers and where they stand, and what is to be said about that."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

from corsac._text import in_words
from corsac.errors import CORSConfigProblem
from corsac.inspection.applied import Applied, MarkedRoute

__all__ = ["Layer", "Search"]


@dataclasses.dataclass(frozen=True, slots=True)
class Layer:
    """One thing that applies CORS.

    Attributes:
        name: The full name of its class or function.
        place: Where it is, as a clause.
        path: The path of the route that it is below; ``None`` around the whole application.
        rule: The pattern of a path rule for its path; empty if no pattern covers exactly that.
        read: Reads what it applies; ``None`` for layers of other libraries.
    """

    name: str
    place: str = "wraps the application"
    path: str | None = None
    rule: str = ""
    read: Callable[[], Applied] | None = None

    @property
    def is_corsac(self) -> bool:
        """Whether it is Corsac's; of others only the name is known."""
        return self.read is not None


@dataclasses.dataclass(frozen=True, slots=True)
class Search:
    """What was found in an application.

    Attributes:
        layers: The layers around the whole application, from the outermost inwards, then those of
            routes and mounts. What a path rule of Corsac's outermost layer, or ``cors_exempt``,
            leaves alone is not among them.
        looked_at: The names of what was looked at.
        outside: What stands outside of Corsac and is not a CORS layer: the name of each, and what
            decides about its place.
        added_to: The framework, if Corsac is among the middleware that it was given.
        is_installed: Whether Corsac carries out what decorated routes say.
        marked: The decorated routes of applications that Corsac is not installed in.
    """

    layers: tuple[Layer, ...]
    looked_at: tuple[str, ...]
    outside: tuple[tuple[str, str], ...] = ()
    added_to: str = ""
    is_installed: bool = False
    marked: tuple[MarkedRoute, ...] = ()

    @property
    def around(self) -> tuple[Layer, ...]:
        """Corsac's layers around the whole application, from the outermost inwards."""
        return tuple(each for each in self.layers if each.is_corsac and each.path is None)

    def problems(self) -> Iterator[CORSConfigProblem]:
        """Yield what is wrong with where the layers are, without reading what they apply."""
        for layer in self.layers[1:]:
            yield CORSConfigProblem(
                "middleware.several",
                "warning",
                "middleware",
                layer.name,
                f"this CORS layer {layer.place}, inside of {self.layers[0].name}: the outermost "
                "answers the preflight requests and has the last word on the headers",
                self._way_out(layer),
            )
        if self.marked and self.layers:
            yield CORSConfigProblem(
                "option.conflict",
                "warning",
                "cors",
                self.marked[0][0],
                "the route has cors or cors_exempt, which corsac.starlette.install carries out; "
                "this middleware applies its own policy to all routes",
                "write corsac.starlette.install(app, ...) in place of the middleware",
            )

    def _way_out(self, layer: Layer) -> str:
        outermost = self.layers[0]
        if not outermost.is_corsac:
            return f"remove {outermost.name}, and let Corsac be the outermost"
        if layer.path is None:
            return "remove it; for other policies on other paths give Corsac rules=[(path, policy)]"
        if layer.rule:
            marked = " and write cors(...)(route)" if self.is_installed else ""
            return f'remove it{marked}, or leave it the path: rules=[("{layer.rule}", None), ...]'
        if self.is_installed:
            return "remove it, or leave the route alone: corsac.starlette.cors_exempt(route)"
        return (
            "remove it; or write corsac.starlette.install(app, ...) in place of the middleware, "
            "and leave the route alone: corsac.starlette.cors_exempt(route)"
        )

    def notes(self) -> Iterator[str]:
        """Yield what to know about responses that are made outside of Corsac.

        Whether what stands there ever answers itself cannot be seen, so this is not a problem of
        the configuration.
        """
        if not self.around:
            return
        if self.outside:
            one = len(self.outside) == 1
            names = in_words(name[-_MAX_NAME:] for name, _ in self.outside)
            yield (
                f"{names} stand{'s' if one else ''} outside of Corsac and "
                f"answer{'s' if one else ''} without CORS headers, preflight requests too; "
                f"{'; '.join(dict.fromkeys(why for _, why in self.outside))}"
            )
        if self.added_to in _ANSWERS_OUTSIDE:
            yield _ANSWERS_OUTSIDE[self.added_to]


_ANSWERS_OUTSIDE = {
    "starlette": (
        "Starlette answers unhandled exceptions outside of all that add_middleware adds, so those "
        "500s have no CORS headers; write corsac.starlette.install(app, ...) in place of "
        "add_middleware"
    ),
    "litestar": (
        "Litestar answers 404 and 405 outside of the middleware that it is given, so those have "
        "no CORS headers; write app = corsac.CORSMiddleware(app, ...) around the application"
    ),
}
"""What frameworks answer themselves, outside of the middleware that they were given."""

_MAX_NAME = 60
"""The end of a longer name is shown."""
