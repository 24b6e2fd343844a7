"""A Django project whose API is called by pages of other origins."""
