"""Why a request is allowed or blocked: what a policy decides, and what a browser makes of it.

`CORSPolicy.explain` and the method of the same name of the middlewares are the way in. None of this
runs while requests are served.
"""

from __future__ import annotations

from corsac.explain.explaining import explain, explain_async
from corsac.explain.explanation import Change, Explanation, Step

__all__ = ["Change", "Explanation", "Step", "explain", "explain_async"]
