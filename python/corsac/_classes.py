"""Objects of the program: of which class they are, what they have, what they call."""

from __future__ import annotations

__all__ = ["MAX_WRAPPERS", "attribute_of", "inside_of", "is_of_class"]

MAX_WRAPPERS = 64
"""The largest number of wrappers around one application that are looked through."""

_HOLDERS = (
    *("app", "wsgi_app", "asgi_app", "other_asgi_app", "__wrapped__"),
    *("func", "_app", "_inner", "inner"),  # `func` is of `functools.partial`.
)
"""Attributes by which wrappers usually hold what they call."""


def is_of_class(found: object, module: str, name: str) -> bool:
    """Tell whether an object is of a class, or one below it, by the name where it was defined.

    Tracers put a subclass in the class's place, so that what was made before is of no class that
    can be imported. Nothing is imported here. A proxy is of the class that it stands for.
    """
    classes = getattr(getattr(found, "__class__", type(found)), "__mro__", ())
    return any(each.__module__ == module and each.__name__ == name for each in classes)


def attribute_of(owner: object, name: str) -> object:
    """Return an attribute of any object; ``None`` where it has none or raises."""
    try:
        return getattr(owner, name, None)
    except Exception:  # A property of the user's; what it would give is not there.
        return None


def inside_of(wrapper: object) -> object:
    """Return the application that a wrapper calls, or ``None`` if that cannot be seen.

    Wrappers are followed by the attributes that they usually have, functions by what they close
    over, bound methods by their object.
    """
    for name in _HOLDERS:
        held = attribute_of(wrapper, name)
        if held is not None:
            return held
    if attribute_of(wrapper, "__func__") is not None:  # A bound method.
        return attribute_of(wrapper, "__self__")
    names = attribute_of(attribute_of(wrapper, "__code__"), "co_freevars")
    cells = attribute_of(wrapper, "__closure__")
    if not isinstance(names, tuple) or not isinstance(cells, tuple):
        return None
    for name, cell in zip(names, cells, strict=False):
        held = attribute_of(cell, "cell_contents")
        is_application = isinstance(attribute_of(held, "routes"), list)
        if held is not None and (name in _HOLDERS or is_application):
            return held
    return None
