"""Corsac's benchmarks: `python -m benchmarks [quick|full]`, from the repository's root."""
