"""The entry for ``INSTALLED_APPS``: it registers the system checks."""

from __future__ import annotations

from django.apps import AppConfig
from django.core.checks import Tags, register

from corsac.django import checks

__all__ = ["CorsacConfig"]


class CorsacConfig(AppConfig):
    """The application ``corsac.django``; it has no models."""

    name = "corsac.django"
    label = "corsac"
    verbose_name = "Corsac (CORS)"

    def ready(self) -> None:
        """Register the system checks; the notes are part of ``check --deploy`` only."""
        for check in (
            checks.check_settings,
            checks.check_advice,
            checks.check_middleware,
            checks.check_app_headers,
            checks.check_views,
        ):
            register(check, Tags.security)
        register(checks.check_notes, Tags.security, deploy=True)
