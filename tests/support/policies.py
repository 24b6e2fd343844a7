"""The policies that behaviour tests share, and the headers they give."""

from __future__ import annotations

from corsac import CORSPolicy

ORIGIN = "https://app.example.com"
OTHER = "https://other.example.com"
APP_HEADERS = {"content-type": "text/plain"}

POLICY = CORSPolicy(
    allow_origins=[ORIGIN, "https://b.example.com"],
    allow_methods=["PUT", "DELETE"],
    allow_headers=["Content-Type", "X-Request-ID"],
    allow_credentials=True,
    expose_headers=["ETag", "X-Request-ID"],
)
ALLOWED = {
    "access-control-allow-origin": ORIGIN,
    "access-control-allow-credentials": "true",
    "access-control-expose-headers": "ETag, X-Request-ID",
    "vary": "Origin",
}
PREFLIGHT = {
    "access-control-allow-origin": ORIGIN,
    "access-control-allow-credentials": "true",
    "access-control-allow-methods": "PUT, DELETE",
    "access-control-allow-headers": "Content-Type, X-Request-ID",
    "access-control-max-age": "600",
    "vary": "Origin",
}
ANYONE = CORSPolicy(allow_origins=["*"], expose_headers=["ETag"])
ANYONE_HEADERS = {"access-control-allow-origin": "*", "access-control-expose-headers": "ETag"}


def refused_with(reason: str, vary: str | None = "Origin") -> dict[str, str]:
    headers = {"content-type": "text/plain; charset=utf-8", "content-length": str(len(reason))}
    return headers | ({"vary": vary} if vary else {})
