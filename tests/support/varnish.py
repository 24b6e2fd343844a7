"""Debian's Varnish, an HTTP cache, started and stopped by a test."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.servers import RunningServer, _free_port

_START_SECONDS = 60.0

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
    command = shutil.which("varnishd", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    if command is None:
        pytest.fail("these tests need Debian's Varnish: apt-get install varnish")
    port = _free_port()
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, "cache.vcl")
        program.write_text(_VCL.format(port=server.port))
        output_file = Path(folder, "output.txt")
        with output_file.open("wb") as output:
            process = subprocess.Popen(
                [
                    *(command, "-F", "-n", folder, "-j", "none", "-f", str(program)),
                    *("-a", f"127.0.0.1:{port}", "-s", "malloc,16m"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        cache = RunningServer("varnish", port, process, output_file)
        try:
            deadline = time.monotonic() + _START_SECONDS
            while True:
                with contextlib.suppress(OSError):
                    cache.ask("/token")
                    break
                assert process.poll() is None, f"varnishd ended; it wrote:\n{cache.output}"
                assert time.monotonic() < deadline, f"varnishd is silent; it wrote:\n{cache.output}"
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(0.05)
            yield cache
        finally:
            cache.stop()
