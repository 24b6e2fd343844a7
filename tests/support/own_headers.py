"""Names and lines for tests of CORS headers that the application sets itself."""

OURS = "https://app.example.com"
OTHER = "https://other.example"
TYPE = ("content-type", "text/plain")
ORIGIN = "access-control-allow-origin"
CREDENTIALS = "access-control-allow-credentials"
EXPOSE = "access-control-expose-headers"
VARY = ("vary", "Origin")
