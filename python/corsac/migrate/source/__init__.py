"""Configurations in Python source: found, understood and written anew; nothing of it runs."""
