"""The CORS layers of a live application, found in one way for `install` and for the command line.

It stands above the product and below the adapters: these import it. It never imports a framework
or an adapter, and asks of both only what the program has imported already.
"""

from __future__ import annotations

from corsac.inspection.finder import find_layers
from corsac.inspection.frameworks import full_name, is_named_cors
from corsac.inspection.layers import Applied, Layer, MarkedRoute, Search

__all__ = ["Applied", "Layer", "MarkedRoute", "Search", "find_layers", "full_name", "is_named_cors"]
