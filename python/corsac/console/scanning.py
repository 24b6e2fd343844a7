"""Find messages in a text: by literal texts, never by expressions, so that time is linear.

A message is found by its longest literal text. From there its other literal texts are looked for to
the left and to the right, the nearest first, within bounds that the neighbouring finds set: no
character is looked at more than a fixed number of times, whatever the text.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from functools import cache

from corsac.console.heads import read_head
from corsac.console.page import SOURCE, Hit, Page, is_fit
from corsac.console.table import Message, straight, table

__all__ = ["ESCAPED", "MAX_MESSAGE", "MAX_WRAPPED", "TRIGGERS", "scan"]

MAX_MESSAGE = 16_384
"""Characters to each side of what a message is found by; what is longer is not read."""

MAX_WRAPPED = 262_144
"""Characters of a paste whose lines are also put together again, where something broke them."""

_SLICE = 1_048_576
_NEIGHBOURS = 4  # How many finds a message may reach across.
_NOTES = 1_000  # Characters that may stand between a policy's message and what became of it.

_MARKS = ("\u2018", "\u2019", "\u201c", "\u201d")
# Quotes as UTF-8 looks that was read as Windows-1252.
_SPOILT = {mark.encode().decode("cp1252", "ignore"): mark for mark in _MARKS[:3]}

ESCAPED = re.compile(r"""\\{1,8}(?:(["/])|u(00[2-7][0-9a-fA-F]|201[89cCdD]|2026))""")
"""What JSON escapes: quotes, slashes (PHP), marks of HTML (Go, .NET), also where it stands in JSON.

The site's search reads it too, so it is an expression of JavaScript as well.
"""

_ERROR = "net::"
_ALONE = re.compile(r"""(?:[ \n"]|^)['(\[`]?\Z|[ \n"][\w.-]{1,40}[=:]\Z|\A[\w.-]{1,40}[=:]\Z""")

_QUOTED = re.compile(r"[ >|]+")


def scan(text: str) -> Iterator[Hit]:
    """Find the messages in a text, in order.

    Lines that were broken, as by a mail program, are put together if the text is short.
    """
    for spoilt, mark in _SPOILT.items():
        if spoilt in text:
            text = text.replace(spoilt, mark)
    if "\\" in text:
        text = ESCAPED.sub(lambda found: found[1] or chr(int(found[2], 16)), text)
    page = _Searched(text, straight(text))
    start, done = 0, 0
    hits: list[Hit] = []
    while start < len(text):
        end = page.slice_end(start)
        found = page.scan(max(start - MAX_MESSAGE, done), end)
        done = found[-1].end if found else done
        start = end
        hits += found
        if len(text) > MAX_WRAPPED:
            yield from page.numbered(hits)
            hits = []
    if len(text) <= MAX_WRAPPED:
        yield from page.numbered(_with_wrapped(page, hits))


def _with_wrapped(page: _Searched, hits: list[Hit]) -> list[Hit]:
    """Add the messages that are broken over lines, in the place of what was found of them."""
    # What ends its line may go on in the next one.
    whole = [hit for hit in hits if hit.is_whole and not hit.message.ends]
    parts = [hit for hit in hits if not hit.is_whole or hit.message.ends]
    number = 0
    for start, end in page.paragraphs(whole):
        mine = []
        while number < len(parts) and parts[number].start < end:
            mine.append(parts[number])
            number += 1
        lines = [_QUOTED.sub(" ", line, 1) for line in page.text[start:end].split("\n")]
        joined = (" ".join(line.strip(" \r") for line in lines), "".join(lines))
        readings = [mine]
        if len(lines) > 1:
            for each in joined:
                again = _Searched(each, straight(each))
                readings.append(again.scan(0, len(each)))
        best = max(readings, key=_how_good)
        for hit in best:
            if best is not mine:
                # In the order of what was joined, at the place where that was.
                hit.start = hit.end = start
        whole += best
    return sorted(whole, key=lambda hit: hit.start)


# Every message has one of these, or its head has. An alternative of literal texts: linear.
TRIGGERS = (
    *("Access-Control-", "CORS", "ross-Origin", "ross-origin", "ross origin", "net::", "no-cors"),
    *("No-Cors", "Fetch", "fetch", "cannot load", "access control checks", "insecure content"),
    *("Content Security Policy", "Content-Security-Policy", "mixed active", "unsafe header"),
    *("OpaqueResponseBlocking", "MIME type", "WebSocket", "EventSource", "reflight", "redirection"),
    *("data: URI", "credentials", "address space", "Local Network", "LNA ", "X-Frame-Options"),
    *("cssRules", "Security Error", "Firefox can't", "forbidden header", "local resource"),
    *("restricted network port", "Could not connect", "could not be found", "connection was lost"),
    *("Connection terminated", "Error resolving", "parse HTTP", "integrity", "TLS", "SameSite"),
    *("nvases may not be", "canvas has been tainted", "postMessage", "post message", "Load failed"),
    *("HTTP ok", "Domains, protocols", "Mixed Content", "mixed display", "SSL error"),
    *("certificate for this server", "request timed out", "appears to be offline"),
    *("content blocking", "Safe Browsing", "interrupted while", "Not allowed to request"),
)
_TRIGGER = re.compile("|".join(map(re.escape, TRIGGERS)))


def _how_good(hits: list[Hit]) -> tuple[int, int]:
    """Count what a way to put lines together gives: whole messages, with URLs in one piece.

    Those that end their line count less: they may be the beginning of another.
    """
    names = ("url", "origin")
    good = [
        hit
        for hit in hits
        if hit.is_whole
        and hit.message.role != "rest"
        and not any(" " in hit.values.get(name, "") for name in names)
    ]
    ending = sum(hit.message.ends for hit in good)
    return len(good) - ending, ending


class _Searched(Page):
    """A text, and where messages are in it."""

    def __init__(self, text: str, plain: str) -> None:
        super().__init__(text, plain)
        self._counted = self._lines = 0

    def slice_end(self, start: int) -> int:
        """Give the end of a slice: after a line if there is one."""
        end = start + _SLICE
        if end >= len(self.plain):
            return len(self.plain)
        return self.plain.rfind("\n", start, end) + 1 or end

    def numbered(self, hits: list[Hit]) -> Iterator[Hit]:
        """Count the lines before the hits, which are in order, as those of earlier calls are."""
        for hit in hits:
            self._lines += self.text.count("\n", self._counted, max(hit.start, self._counted))
            self._counted = max(hit.start, self._counted)
            hit.line = self._lines
            yield hit

    def paragraphs(self, hits: list[Hit]) -> Iterator[tuple[int, int]]:
        """Give the runs of lines that have text, and none of the hits."""
        taken = iter(sorted((hit.start, hit.end) for hit in hits))
        hit_start, hit_end = next(taken, (len(self.plain) + 1, 0))
        run, place = -1, 0
        for line in self.plain.split("\n"):
            end = place + len(line)
            has_hit = False
            while hit_start <= end:
                has_hit = True
                hit_start, hit_end = next(taken, (len(self.plain) + 1, hit_end))
            if has_hit or not line.strip():
                if run >= 0:
                    yield run, place - 1
                run = -1
            elif run < 0:
                run = place
            place = end + 1
        if run >= 0:
            yield run, len(self.plain)

    def scan(self, start: int, end: int) -> list[Hit]:
        """Find the messages between two positions."""
        groups = _groups()
        events = [event for region in self._regions(start, end) for event in self._events(*region)]
        hits: list[Hit] = []
        rest: list[Hit] = []
        done = start
        for number, (place, anchor) in enumerate(events):
            if place < done:
                continue
            low, high = max(done, place - MAX_MESSAGE), min(end, place + MAX_MESSAGE)
            if number >= _NEIGHBOURS:
                low = max(low, events[number - _NEIGHBOURS][0])
            if number + _NEIGHBOURS < len(events):
                high = min(high, events[number + _NEIGHBOURS][0])
            low = self.plain.rfind("\n", low, place) + 1 or low
            line_end = self.plain.find("\n", place, high)
            high = line_end if line_end >= 0 else high
            hit = next(
                filter(None, (self._match(m, place, low, high) for m in groups[anchor])), None
            )
            if hit is not None and hit.message.role == "rest":
                rest.append(hit)
            elif hit is not None:
                hits.append(hit)
                done = hit.end
        return self._with_rest(hits, rest)

    def _regions(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Give the lines that may have a message; of a very long line what is near to that."""
        low = high = start
        for trigger in _TRIGGER.finditer(self.plain, start, end):
            place = trigger.start()
            if place < high and high - place > MAX_MESSAGE // 2:
                continue
            left = max(high, place - MAX_MESSAGE)
            left = self.plain.rfind("\n", left, place) + 1 or left
            line_end = self.plain.find("\n", place, min(end, place + MAX_MESSAGE))
            right = line_end if line_end >= 0 else min(end, place + MAX_MESSAGE)
            if place < high:
                high = max(high, right)
                continue
            if high > low:
                yield low, high
            low, high = left, right
        if high > low:
            yield low, high

    def _events(self, start: int, end: int) -> list[tuple[int, str]]:
        """Give the places of what messages are found by."""
        pattern, inner = _anchors()
        events: list[tuple[int, str]] = []
        for found in pattern.finditer(self.plain, start, end):
            place, anchor = found.start(), found[0]
            if anchor == _ERROR and not self._stands_alone(place):
                continue
            events.append((place, anchor))
            events += [(place + offset, each) for offset, each in inner[anchor]]
        # Where one stands at the beginning of another, the more exacting is tried first.
        return sorted(events, key=lambda event: (event[0], -len(event[1])))

    def _stands_alone(self, place: int) -> bool:
        """Whether a word begins at a place, or the value of one: never inside a URL."""
        before = self.plain[max(0, place - 48) : place]
        # A double quote is escaped in URLs; the others are not.
        return _ALONE.search(before) is not None

    @staticmethod
    def _with_rest(hits: list[Hit], rest: list[Hit]) -> list[Hit]:
        """Add the heads that no message that was found belongs to."""
        starts = [hit.start for hit in hits]
        more = []
        for head in rest:
            number = bisect_right(starts, head.start) - 1
            if number < 0 or hits[number].end <= head.start:
                more.append(head)
        return sorted((*hits, *more), key=lambda hit: hit.start)

    def _match(self, message: Message, place: int, low: int, high: int) -> Hit | None:
        """Match a message whose anchor is at a place, within bounds."""
        parts, fields = message.parts, message.fields
        number = parts.index(message.anchor)
        spans: dict[str, tuple[int, int]] = {}
        left = place
        for index in range(number - 1, -1, -1):
            part = parts[index]
            found = self.plain.rfind(part, low, left) if part else self.token_start(low, left)
            if found < 0:
                return None
            spans[fields[index]] = (found + len(part), left)
            left = found
        right = place + len(parts[number])
        for index in range(number + 1, len(parts)):
            part = parts[index]
            if part in {"", "."} and index == len(parts) - 1:
                found = self.field_end(fields[index - 1], right, high) - len(part)
                if found < right or not self.plain.startswith(part, found):
                    return None
            else:
                found = self.plain.find(part, right, high)
            if found < 0:
                return None
            spans[fields[index - 1]] = (right, found)
            right = found + len(part)
        if message.ends and not self._ends(right, high):
            return None
        values = {name: self.text[start:end] for name, (start, end) in spans.items()}
        fits = all(is_fit(name, value) for name, value in values.items())
        if not fits or self._is_only_reported(message, left, right):
            return None
        hit = Hit(left, right, message, values)
        self._read_tail(hit, high)
        return hit if read_head(self, hit, low, high) else None

    def _ends(self, right: int, high: int) -> bool:
        """Whether a line ends at a place, or has only where it was printed after it."""
        rest = self.plain[right:high]
        return not rest.strip() or SOURCE.match(rest) is not None

    def _is_only_reported(self, message: Message, left: int, right: int) -> bool:
        """Whether a message is that of a policy that only reports, and has blocked nothing."""
        before = self.plain[max(0, left - 40) : left].rstrip(" \n>|")
        if before.endswith("[Report Only]"):
            return True
        if "Content Security Policy" not in message.text:
            return False
        after = self.plain[right : right + _NOTES]
        notes, reported, _ = after.partition("The policy is report-only")
        return bool(reported) and "blocked" not in notes and "violates" not in notes

    def _read_tail(self, hit: Hit, high: int) -> None:
        """Read what may stand after a message."""
        tail, fields = hit.message.tail, hit.message.tail_fields
        place = hit.end
        for index, part in enumerate(tail):
            if not self.plain.startswith(part, place):
                return
            hit.end = place = place + len(part)
            if index < len(fields):
                end = self.field_end(fields[index], place, high)
                value = self.text[place:end]
                if not is_fit(fields[index], value):
                    return
                hit.values[fields[index]] = value
                hit.end = place = end


@cache
def _groups() -> Mapping[str, tuple[Message, ...]]:
    """Give the messages by what they are found by, the most exacting first."""
    groups: dict[str, list[Message]] = {}
    for message in table().messages:
        groups.setdefault(message.anchor, []).append(message)
    return {
        anchor: tuple(sorted(group, key=lambda message: -sum(map(len, message.parts))))
        for anchor, group in groups.items()
    }


@cache
def _anchors() -> tuple[re.Pattern[str], Mapping[str, list[tuple[int, str]]]]:
    """Give an alternative of all that messages are found by, and which of them have others inside.

    The longest come first: where one begins, no other does. Literal texts alone: time is linear.
    """
    anchors = sorted(_groups(), key=len, reverse=True)
    inner = {
        anchor: [(anchor.find(each), each) for each in anchors if each in anchor and each != anchor]
        for anchor in anchors
    }
    return re.compile("|".join(map(re.escape, anchors))), inner
