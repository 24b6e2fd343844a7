"""What ``CORS_ALLOW_HEADERS`` and ``CORS_ALLOW_METHODS`` are without a setting.

For settings that add to them::

    from corsac.django.defaults import default_headers

    CORS_ALLOW_HEADERS = [*default_headers, "x-request-id"]
"""

from __future__ import annotations

from corsac.foreign.django_cors_headers import DEFAULT_HEADERS, DEFAULT_METHODS

__all__ = ["default_headers", "default_methods"]

default_headers = DEFAULT_HEADERS
default_methods = DEFAULT_METHODS
