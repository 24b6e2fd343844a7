"""Frozen values: classes with slots whose instances are equal by their fields and never change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, Self, TypeVar, dataclass_transform

__all__ = ["NOT_IN_DICT", "FrozenValue", "PlainData", "frozen_value", "plain"]

NOT_IN_DICT = {"in_dict": False}
"""Metadata of a field that `PlainData.as_dict` leaves out."""


class FrozenValue:
    """Base of the frozen values, which are more than frozen dataclasses.

    Their errors say what is frozen, or was never initialized; a value is its own copy; a pickle
    holds arguments, so that all else is made anew; and slots that are not fields do not count.
    A subclass is decorated with `frozen_value`, names its fields in ``_fields``, and hands their
    values to `_fill`. Nothing is made of annotations: whoever imports Corsac would wait for that.
    """

    __slots__ = ()
    _fields: tuple[str, ...] = ()

    def _fill(self, *values: object) -> None:
        """Set all fields in order."""
        for name, value in zip(self._fields, values, strict=True):
            object.__setattr__(self, name, value)

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    def _all_fields(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self._fields}

    def _arguments(self) -> dict[str, Any]:
        """Return the arguments that make an equal value; a subclass may leave out defaults."""
        return self._all_fields()

    if not TYPE_CHECKING:
        # These would let type checkers accept any name.
        def __setattr__(self, name: str, value: object) -> NoReturn:
            self._refuse_change(name)

        def __delattr__(self, name: str) -> NoReturn:
            self._refuse_change(name)

        def __getattr__(self, name: str) -> NoReturn:
            # A slot that is empty, or no attribute at all.
            if name in self.__slots__:
                message = f"{type(self).__name__}.__init__ was not called"
                raise RuntimeError(message)
            message = f"{type(self).__name__!r} object has no attribute {name!r}"
            raise AttributeError(message, name=name, obj=self)

    def _refuse_change(self, name: str) -> NoReturn:
        kind = type(self).__name__
        message = f"a {kind} is frozen: {name!r} cannot be set or deleted; make another {kind}"
        raise AttributeError(message)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._all_fields() == other._all_fields()

    def __hash__(self) -> int:
        return hash(tuple(self._all_fields().values()))

    def __repr__(self) -> str:
        """The call that makes an equal value."""
        try:
            self._all_fields()
        except RuntimeError:
            return f"<{type(self).__name__}, whose __init__ was not called>"
        arguments = (f"{name}={value!r}" for name, value in self._arguments().items())
        return f"{type(self).__name__}({', '.join(arguments)})"

    def __replace__(self, /, **changes: Any) -> Self:
        """Make another value with some fields changed; `copy.replace` calls it."""
        return type(self)(**{**self._all_fields(), **changes})

    def __copy__(self) -> Self:
        """The value itself, which never changes."""
        return self

    def __deepcopy__(self, _: dict[int, Any]) -> Self:
        """The value itself, which never changes."""
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by the arguments; all else is made anew."""
        return (_make, (type(self), self._arguments()))


def _make(kind: type[FrozenValue], arguments: dict[str, Any]) -> FrozenValue:
    return kind(**arguments)


KindT = TypeVar("KindT", bound=type[FrozenValue])


@dataclass_transform(frozen_default=True)
def frozen_value(kind: KindT) -> KindT:
    """Tell type checkers that nobody sets the attributes of a subclass of `FrozenValue`."""
    return kind


class PlainData:
    """Base of the dataclasses that can be given as plain data."""

    __slots__ = ()

    def as_dict(self) -> dict[str, Any]:
        """Give all of it as values that JSON has."""
        import dataclasses  # noqa: PLC0415 - it takes longer to load than all of Corsac

        myself: Any = self
        return {
            field.name: plain(getattr(self, field.name))
            for field in dataclasses.fields(myself)
            if field.metadata.get("in_dict", True)
        }


def plain(value: Any) -> Any:
    """Give a value as JSON has it: a list for a tuple, a dictionary for `PlainData` and values."""
    if isinstance(value, PlainData):
        return value.as_dict()
    if isinstance(value, FrozenValue):
        return {name: plain(each) for name, each in value._arguments().items()}
    return [plain(each) for each in value] if isinstance(value, tuple) else value
