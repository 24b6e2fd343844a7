"""All findings about a server, the worst first."""

from __future__ import annotations

from corsac.cli.probe.answer_lints import judge_answers
from corsac.cli.probe.caching_lints import judge_caching
from corsac.cli.probe.findings import SEVERITIES, Finding
from corsac.cli.probe.origin_lints import judge_origins
from corsac.cli.probe.replays import Observations

__all__ = ["lint"]


def lint(seen: Observations) -> tuple[Finding, ...]:
    """Judge what was seen of a server.

    Args:
        seen: What was seen.

    Returns:
        The findings, every sentence once.
    """
    found = [*judge_origins(seen), *judge_answers(seen), *judge_caching(seen)]
    once: dict[tuple[str, str], Finding] = {}
    for each in found:
        once.setdefault((each.code, each.message), each)
    return tuple(sorted(once.values(), key=lambda each: SEVERITIES.index(each.severity)))
