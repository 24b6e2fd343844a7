"""The application inside of wrappers that takes a part off paths itself, as FastAPI does."""

from __future__ import annotations

import sys

from corsac._classes import attribute_of, inside_of

__all__ = ["MAX_LOOKED_THROUGH", "root_path_owner", "without_root_path"]


def root_path_owner(app: object) -> object | None:
    """Find the application inside of wrappers that puts its own ``root_path`` into each scope.

    Its router takes that off the path, so rules are compared with what is left. That is FastAPI's
    way; an application of Starlette has what the server says.

    Args:
        app: An ASGI application. Wrappers are followed as `inside_of` does, others by whatever they
            have, if that leads to one application alone. What chooses among several, or makes its
            application for each request, hides it: set ``root_path`` at the server then.
    """
    module = sys.modules.get("fastapi.applications")
    fastapi: type[object] | None = getattr(module, "FastAPI", None)
    owners: dict[int, object] = {}
    seen: dict[int, object] = {}
    waiting = [app]
    while fastapi is not None and waiting and len(seen) < MAX_LOOKED_THROUGH:
        found = waiting.pop()
        if id(found) in seen or not callable(found) or isinstance(found, type):
            continue
        seen[id(found)] = found
        if isinstance(found, fastapi):
            owners[id(found)] = found
        elif not isinstance(attribute_of(found, "routes"), list):
            inner = inside_of(found)
            waiting += _held_by(found) if inner is None else [inner]
    return next(iter(owners.values())) if len(owners) == 1 else None


MAX_LOOKED_THROUGH = 128
"""So many objects that may be applications are looked through for one with a ``root_path``."""


def _held_by(wrapper: object) -> list[object]:
    """Return what an object or function has: attributes, what it closes over, what is in those."""
    attributes = attribute_of(wrapper, "__dict__")
    held = [*attributes.values()] if isinstance(attributes, dict) else []
    names = attribute_of(type(wrapper), "__slots__")
    held += [attribute_of(wrapper, name) for name in names] if isinstance(names, tuple) else []
    cells = attribute_of(wrapper, "__closure__")
    if isinstance(cells, tuple):
        held += [attribute_of(cell, "cell_contents") for cell in cells]
    for each in [*held]:
        if isinstance(each, dict):
            held += [*each.values()][:MAX_LOOKED_THROUGH]
        elif isinstance(each, (list, tuple)):
            held += each[:MAX_LOOKED_THROUGH]
    return [each for each in held if callable(each)]


def without_root_path(path: str, owner: object) -> str:
    """Return what the router sees of a path; the owner is what `root_path_owner` gave."""
    root = attribute_of(owner, "root_path")
    if not isinstance(root, str) or not path.startswith(root):
        return path
    rest = path[len(root) :]
    return rest if not rest or rest.startswith("/") else path
