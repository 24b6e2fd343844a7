"""An MCP server on this machine that web pages may use. Run it: TOKEN=secret uvicorn app:app.

Pages of listed origins initialise a session, call tools and find out how to sign in. A page whose
host name was rebound to this machine, and every other site, are refused before the server runs.
"""

from __future__ import annotations

import hmac
import os

from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from pydantic import AnyHttpUrl

import corsac

OWN_URL = os.environ.get("OWN_URL", "http://localhost:8000")


class OneToken:
    """Takes the token that the server was started with; a real one asks who issued it."""

    async def verify_token(self, token: str) -> AccessToken | None:
        """Say whose token it is, or ``None``."""
        if not hmac.compare_digest(token.encode(), os.environ["TOKEN"].encode()):
            return None
        return AccessToken(token=token, client_id="page", scopes=["notes"])


server = MCPServer(
    "notes",
    token_verifier=OneToken(),
    auth=AuthSettings(
        issuer_url=AnyHttpUrl("https://sign-in.example.com"),
        resource_server_url=AnyHttpUrl(f"{OWN_URL}/mcp"),
        required_scopes=["notes"],
        validate_token_resource=False,
    ),
)


@server.tool()
def add(first: int, second: int) -> int:
    """Add two numbers."""
    return first + second


# Host and Origin are checked by Corsac, for every route and by one list.
routes = server.streamable_http_app(
    transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False)
)

clients = corsac.CORSPolicy(
    allow_origins=["https://inspector.example.com", "http://localhost:*"],
    # A session of the revisions until 2025-11-25 is ended by DELETE; later ones send POST alone.
    allow_methods=["DELETE"],
    # Mcp-Param-* of revision 2026-07-28 are named by the tools, so no list of names is complete.
    allow_headers=["*", "authorization"],
    # Without these a page has no session, and does not learn where to sign in.
    expose_headers=["mcp-session-id", "www-authenticate"],
    max_age=7200,
    guard=True,
)

# Anybody may read where to sign in: clients ask before they have a token. The SDK sees to that.
discovery = ("/.well-known/*", None)

app = corsac.CORSMiddleware(
    routes,
    clients,
    rules=[discovery],
    # ALLOW_ANY_HOST=1 shows what a rebound page does then.
    allowed_hosts=None if "ALLOW_ANY_HOST" in os.environ else corsac.LOOPBACK_HOSTS,
)
