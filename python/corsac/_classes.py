"""Objects of the program: of which class, which others may have replaced; their attributes."""

from __future__ import annotations

__all__ = ["attribute_of", "is_of_class"]


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


def attribute_of(owner: object, name: str) -> object:
    """An attribute of any object; ``None`` where it has none or raises.

    Args:
        owner: The object.
        name: The attribute.
    """
    try:
        return getattr(owner, name, None)
    except Exception:  # A property of the user's; what it would give is not there.
        return None
