"""Settings: Corsac's middleware at the top, its policy in ``CORSAC``."""

import os

SECRET_KEY = os.environ.get("SECRET_KEY", "only for this example")
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
ROOT_URLCONF = "notes.urls"
WSGI_APPLICATION = "notes.wsgi.application"
USE_TZ = True

INSTALLED_APPS = ["corsac.django"]  # for the system checks
MIDDLEWARE = [
    "corsac.django.CORSMiddleware",  # above everything that answers or redirects
    "django.middleware.common.CommonMiddleware",
]

CORSAC = {
    "allow_origins": ["https://app.example.com", "https://*.preview.example.com"],
    "allow_methods": ["PUT"],
    "allow_headers": ["content-type"],
    "expose_headers": ["etag"],
    "allow_credentials": True,
    "rules": [("/health", None)],
}
