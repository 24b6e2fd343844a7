"""The version, in one place: the package metadata reads this file."""

__version__ = "0.1.0"
