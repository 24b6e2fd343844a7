"""Debian's Varnish, an HTTP cache, started and stopped by a test."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.servers import RunningServer, start_server

# A cache as eager as one may be: it keeps every answer to GET, HEAD and OPTIONS whatever its status
# and whatever cookies came with the request, and tells answers apart by what `Vary` names alone.
_VCL = """
vcl 4.1;
backend default {{ .host = "127.0.0.1"; .port = "{port}"; }}
sub vcl_recv {{
  set req.http.X-Kept-Method = req.method;
  if (req.method == "HEAD") {{ set req.http.X-Kept-Method = "GET"; }}
  if (req.method == "GET" || req.method == "HEAD" || req.method == "OPTIONS") {{ return (hash); }}
  return (pass);
}}
sub vcl_hash {{ hash_data(req.http.X-Kept-Method); }}
sub vcl_backend_fetch {{
  set bereq.method = bereq.http.X-Kept-Method;
  unset bereq.http.X-Kept-Method;
}}
sub vcl_backend_response {{
  if (beresp.http.Vary ~ "[*]") {{ set beresp.uncacheable = true; return (deliver); }}
  set beresp.ttl = 600s;
  return (deliver);
}}
sub vcl_deliver {{
  if (obj.hits > 0) {{ set resp.http.X-Cache = "hit"; }} else {{ set resp.http.X-Cache = "miss"; }}
}}
"""


@contextlib.contextmanager
def varnish_before(server: RunningServer) -> Iterator[RunningServer]:
    """Run a Varnish before a server until the block ends; give it as a server."""
    program = shutil.which("varnishd", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    if program is None:
        pytest.fail("these tests need Debian's Varnish: apt-get install varnish")

    def is_ready(cache: RunningServer) -> bool:
        assert cache.ask("/token").body == server.ask("/token").body, "another has the port"
        return True

    with tempfile.TemporaryDirectory() as folder:
        configured = Path(folder, "cache.vcl")
        configured.write_text(_VCL.format(port=server.port))

        def command(port: int) -> list[str]:
            own = ["-F", "-n", folder, "-j", "none", "-f", str(configured)]
            return [*own, "-a", f"127.0.0.1:{port}", "-s", "malloc,16m"]

        with start_server("varnish", command, is_ready, program=[program]) as cache:
            yield cache
