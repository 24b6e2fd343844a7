"""Real browsers for tests: Debian's Chromium, Firefox and WebKitGTK, each driven in its own way."""
