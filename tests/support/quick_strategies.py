"""The strategies of `support.strategies`, drawn fast: by a plain random generator.

Hypothesis draws so that it can shrink what fails. Where ten million things are drawn and none is
expected to fail, a seed is enough: `strategies` is the same module, with the functions below in the
place of Hypothesis's own.
"""

from __future__ import annotations

import importlib.util
import sys
import types
from collections.abc import Callable, Sequence
from random import Random
from typing import Any
from unittest import mock

import support.strategies  # What it imports is loaded once, and not with the module below.

__all__ = ["draw", "strategies"]


class Quick:
    """A strategy: something that can be drawn."""

    __slots__ = ("take",)

    def __init__(self, take: Callable[[Random], Any]) -> None:
        self.take = take

    def __or__(self, other: Quick) -> Quick:
        first, second = self.take, other.take
        return Quick(lambda lot: first(lot) if lot.random() < 0.5 else second(lot))

    def map(self, function: Callable[[Any], Any]) -> Quick:
        """What a function makes of what is drawn."""
        take = self.take
        return Quick(lambda lot: function(take(lot)))

    def flatmap(self, function: Callable[[Any], Quick]) -> Quick:
        """What is drawn of the strategy that a function makes of what is drawn."""
        take = self.take
        return Quick(lambda lot: function(take(lot)).take(lot))


def draw(strategy: Quick, lot: Random) -> Any:
    """Draw once."""
    return strategy.take(lot)


def _just(value: Any) -> Quick:
    return Quick(lambda lot: value)


def _sampled_from(choices: Sequence[Any]) -> Quick:
    count = len(choices)
    return Quick(lambda lot: choices[int(lot.random() * count)])


def _integers(low: int, high: int) -> Quick:
    return Quick(lambda lot: low + int(lot.random() * (high - low + 1)))


def _booleans() -> Quick:
    return Quick(lambda lot: lot.random() < 0.5)


def _lists(of: Quick, min_size: int = 0, max_size: int = 5) -> Quick:
    take, sizes = of.take, max_size - min_size + 1
    return Quick(lambda lot: [take(lot) for _ in range(min_size + int(lot.random() * sizes))])


def _tuples(*of: Quick) -> Quick:
    return Quick(lambda lot: tuple(each.take(lot) for each in of))


def _permutations(of: Sequence[Any]) -> Quick:
    return Quick(lambda lot: lot.sample(of, len(of)))


def _composite(function: Callable[..., Any]) -> Callable[..., Quick]:
    def make(*arguments: Any, **named: Any) -> Quick:
        return Quick(lambda lot: function(lambda each: each.take(lot), *arguments, **named))

    return make


def _load() -> Any:
    """A second copy of the module."""
    quick: Any = types.ModuleType("hypothesis")
    quick.strategies = types.SimpleNamespace(
        booleans=_booleans,
        composite=_composite,
        integers=_integers,
        just=_just,
        lists=_lists,
        permutations=_permutations,
        sampled_from=_sampled_from,
        tuples=_tuples,
    )
    spec = importlib.util.find_spec(support.strategies.__name__)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with mock.patch.dict(sys.modules, {"hypothesis": quick}):
        spec.loader.exec_module(module)
    return module


strategies: Any = _load()
