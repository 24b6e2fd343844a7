"""Configurations of other CORS libraries, read by what they mean there.

`translate` takes the options of one library and gives the options of `corsac.CORSPolicy` that
answer the same, or less where the same would be unsafe, with everything that is wrong with the old
ones. Nothing here runs the other library, and none has to be installed.
"""

from __future__ import annotations

from corsac.migrate.translation import LIBRARIES, Translation, translate

__all__ = ["LIBRARIES", "Translation", "translate"]
