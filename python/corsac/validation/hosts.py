"""Hosts: which names anyone may register below, and which no browser can send."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterable

from corsac.errors import CORSConfigProblem

__all__ = ["PublicSuffixes", "a_label", "check_patterns", "is_undecodable_label"]
__all__ += ["public_suffixes"]


class PublicSuffixes:
    """The public suffix list (publicsuffix.org): below these names anyone can get one of their own.

    Nobody can register a name below one that is not in it: localhost, corp, IP addresses.
    """

    def __init__(self) -> None:
        # Here, because most policies need neither.
        from importlib import resources  # noqa: PLC0415

        from publicsuffixlist import PublicSuffixList  # noqa: PLC0415

        file = resources.files("publicsuffixlist") / "public_suffix_list.dat"
        self._text = file.read_text(encoding="utf-8")
        self._list = PublicSuffixList(self._text, accept_unknown=False)
        self._rules: tuple[str, ...] = ()

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules as A-labels; ``*.ck`` stands for every name directly below ``ck``."""
        if not self._rules:
            rules = (line.split(" ", 1)[0].strip().lower() for line in self._text.splitlines())
            self._rules = tuple(
                rule if rule.isascii() else ".".join(map(a_label, rule.split(".")))
                for rule in rules
                if rule and not rule.startswith(("//", "!"))
            )
        return self._rules

    def covered_by(self, base: str) -> str | None:
        """Return the public suffix that a name is, or one that it has below it, or ``None``.

        ``s3.amazonaws.com`` is below ``amazonaws.com``. One dot at the end makes no difference.
        """
        base = base.removesuffix(".")
        if self._list.is_public(base):
            return base
        # Most names have nothing below them; a search in the text is quick.
        if f".{base}\n" not in self._text and _ACE_PREFIX not in base:
            return None
        below = [rule for rule in self.rules if rule.endswith(f".{base}")]
        # The one with the fewest labels.
        return min(below, key=lambda name: (name.count("."), len(name), name), default=None)

    def owner(self, host: str) -> str | None:
        """Return the name that somebody registered for a host, such as ``example.co.uk``."""
        return self._list.privatesuffix(host)

    def registrable_domain(self, host: str) -> str | None:
        """URL, "registrable domain": as `owner`, and below an unknown suffix the last two labels.

        A dot at the end of the host stays.
        """
        name = host.removesuffix(".")
        if self._list.publicsuffix(name) is not None:
            domain = self._list.privatesuffix(name)
        else:
            labels = name.split(".")
            domain = ".".join(labels[-2:]) if len(labels) > 1 else None
        return domain if domain is None or name == host else f"{domain}."


@functools.cache
def public_suffixes() -> PublicSuffixes:
    """Return the list, read on first use: that takes longer than the rest of a policy together."""
    return PublicSuffixes()


_SUBDOMAINS = re.compile(r"https?://\*\.([a-z0-9._-]*[a-z_-][a-z0-9._-]*)(?::(?:\*|\d+))?")


def check_patterns(patterns: Iterable[str]) -> list[CORSConfigProblem]:
    """See `corsac.validation.check_public_suffixes`, which picks the patterns of subdomains."""
    problems: list[CORSConfigProblem] = []
    for entry in patterns:
        match = _SUBDOMAINS.fullmatch(entry)
        suffix = public_suffixes().covered_by(match[1]) if match else None
        if match is None or suffix is None:
            continue
        base = match[1].removesuffix(".")
        where = base if suffix == base else f"{suffix}, which it covers"
        problems.append(
            CORSConfigProblem(
                "origin.public_suffix_with_credentials",
                "error",
                "allow_origins",
                entry,
                f"anyone can get a name below {where}, and would act with the user's cookies",
                "list the exact origins of your own",
            )
        )
    return problems


_ACE_PREFIX = "xn--"
# ZERO WIDTH NON-JOINER and JOINER: format characters that UTS #46 lets into a label.
_JOINERS = "\u200c\u200d"
# Case folding makes ss, a sigma and nothing of these, UTS #46 leaves them alone.
_KEPT = frozenset(f"\u00df\u03c2{_JOINERS}")
# What UTS #46 maps to nothing: invisible characters, and the selectors that emoji are typed with.
_IGNORED = re.compile(
    "[\u00ad\u034f\u180b-\u180f\u200b\u2060\u2064\ufe00-\ufe0f\ufeff\U000e0100-\U000e01ef]"
)


def a_label(label: str) -> str:
    """Return a host label of any script as browsers send it: ``xn--bcher-kva`` for ``bücher``.

    Python's own codec is that of 2003 and turns ß into ss, which browsers do not do any more. This
    is the mapping of UTS #46 as far as Python's tables go: good for a hint, not for a URL parser.
    """
    text = unicodedata.normalize("NFKC", _IGNORED.sub("", label))
    mapped = unicodedata.normalize("NFKC", "".join(map(_folded, text)))
    return mapped if mapped.isascii() else _ACE_PREFIX + mapped.encode("punycode").decode("ascii")


def _folded(character: str) -> str:
    if character in _KEPT:
        return character
    # Not str.lower: the small letters of Cherokee are mapped to the capital ones.
    return "\u00df" if character == "\u1e9e" else character.casefold()


def is_undecodable_label(label: str) -> bool:
    """Tell whether a label starts with ``xn--`` but stands for no text: no browser opens it."""
    if not label.startswith(_ACE_PREFIX):
        return False
    try:
        text = label.removeprefix(_ACE_PREFIX).encode("ascii").decode("punycode")
    except ValueError:
        return True
    if text.isascii() or a_label(text) != label:
        return True
    # Unassigned code points (Cn) are left alone: a browser may have newer tables than Python.
    return any(
        unicodedata.category(character) in {"Cc", "Cf", "Co", "Cs", "Zl", "Zp", "Zs"}
        and character not in _JOINERS
        for character in text
    )
