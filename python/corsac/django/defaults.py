"""What ``CORS_ALLOW_HEADERS`` and ``CORS_ALLOW_METHODS`` are without a setting.

For settings that add to them::

    from corsac.django.defaults import default_headers

    CORS_ALLOW_HEADERS = [*default_headers, "x-request-id"]
"""

from __future__ import annotations

__all__ = ["default_headers", "default_methods"]

default_headers = (
    "accept",
    "authorization",
    "content-type",
    "user-agent",
    "x-csrftoken",
    "x-requested-with",
)
default_methods = ("DELETE", "GET", "OPTIONS", "PATCH", "POST", "PUT")
