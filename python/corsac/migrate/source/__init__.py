"""Configurations in Python source: found, read where they are literal, and moved by their names."""
