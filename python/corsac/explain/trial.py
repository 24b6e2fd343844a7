"""What the policies on trial would have made of requests, in a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from corsac._text import in_words

if TYPE_CHECKING:
    from corsac.middleware import ConfiguredMiddleware

__all__ = ["said_on_trial"]


def said_on_trial(middleware: ConfiguredMiddleware[Any]) -> Iterator[str]:
    """Say what they would have made of the requests to a middleware so far, if there are any."""
    if middleware._observation.trial is None:
        return
    counts, said = middleware.report_only_counters(), "change nothing here"
    if counts["newly_refused"]:
        refused = middleware.report_only_refusal_counters()
        reasons = {reason for (_, reason), count in refused.items() if count}
        said = f"refuse this: {in_words(sorted(reasons))}"
    elif counts["newly_allowed"]:
        said = "allow this"
    yield f"what is on trial (report_only) would {said}"
