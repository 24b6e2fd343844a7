"""A file with everything that `CORSMiddleware.from_file` reads."""

from __future__ import annotations

from typing import Any

WHOLE = """
allow_origins = ["https://app.example.com"]
allow_credentials = true
allowed_hosts = ["api.example.com", "localhost"]
debug_header = "x-why"

[[rules]]
path = "/health"
policy = false

[[rules]]
path = "/public/*"
allow_origins = ["*"]
max_age = false

[[rules]]
path = "/shared/*"

[[rules.policies]]
allow_origins = ["https://app.example.com"]
allow_credentials = true

[[rules.policies]]
allow_origins = ["*"]

[report_only]
allowed_hosts = ["api.example.com"]
allow_origins = ["https://app.example.com"]

[[report_only.rules]]
path = "/public/*"
policy = false
"""


def app(*_: object) -> Any:
    """Stands for an application; nothing is sent."""
