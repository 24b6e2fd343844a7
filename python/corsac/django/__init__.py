"""Corsac for Django: a middleware for ``MIDDLEWARE``, decorators for views, and system checks.

In ``settings.py``::

    INSTALLED_APPS = ["corsac.django", ...]
    MIDDLEWARE = ["corsac.django.CORSMiddleware", ...]  # before everything that makes responses
    CORSAC = {"allow_origins": ["https://app.example.com"]}

The settings of django-cors-headers (``CORS_ALLOWED_ORIGINS`` and so on) are read as well, each
with its meaning and default there.
"""

from __future__ import annotations

try:
    import django as _django
except ImportError as error:
    if error.name != "django":
        raise
    message = "corsac.django needs Django 5.0 or newer: pip install 'corsac[django]'"
    raise ImportError(message, name="django") from error

if _django.VERSION < (5, 0):
    # Its signals do not wait for asynchronous receivers, and so would take them for agreement.
    message = f"corsac.django needs Django 5.0 or newer, not {_django.get_version()}"
    raise ImportError(message, name="django")

from corsac.django.middleware import CORSMiddleware
from corsac.django.views import cors, cors_exempt

__all__ = ["CORSMiddleware", "cors", "cors_exempt"]
