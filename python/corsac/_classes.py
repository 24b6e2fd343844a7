"""Whether an object is of a class that others may have replaced meanwhile."""

from __future__ import annotations

__all__ = ["is_of_class"]


def is_of_class(found: object, module: str, name: str) -> bool:
    """Whether an object is of a class, or one below it, by the name where it was defined.

    Tracers put a subclass in the class's place, so that what was made before is of no class that
    can be imported. Nothing is imported here. A proxy is of the class that it stands for.

    Args:
        found: Any object.
        module: The module that defines the class.
        name: The name of the class.
    """
    classes = getattr(getattr(found, "__class__", type(found)), "__mro__", ())
    return any(each.__module__ == module and each.__name__ == name for each in classes)
