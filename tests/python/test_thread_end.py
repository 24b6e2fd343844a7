"""Threads that are under way while the interpreter ends, as a server's are when it is stopped."""

from __future__ import annotations

import subprocess
import sys

import pytest

BEGIN = """
import logging, os, sys, threading, time
import corsac, corsac.wsgi

logging.disable()
reading, writing = os.pipe()

class End:
    def __del__(self, sleep=time.sleep, write=os.write, wake=writing):
        write(wake, b"!")  # Now the thread wakes up, and wants the lock.
        sleep(0.4)
        write(1, b"ended")

class BlockingCall:
    def __call__(self, *arguments):
        under_way.set()
        os.read(reading, 1)
        os._exit(3)  # Nothing runs in it any more.

def in_thread(function):
    threading.Thread(target=function, daemon=True).start()

under_way = threading.Event()
blocking = BlockingCall()
environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "HTTP_ORIGIN": "https://a.example"}
scope = {"type": "http", "method": "GET", "path": "/", "headers": [(b"origin", b"https://a.example")]}
POLICY = {"allow_origins": ["https://a.example"]}

def app(environ, start_response):
    start_response("200 OK", [])
    return []
"""
END = """
under_way.wait()
sys.end = End()  # Let go of when the interpreter ends.
"""
UNDER_WAY = {
    "an application under WSGI": """
middleware = corsac.wsgi.CORSMiddleware(blocking, **POLICY)
in_thread(lambda: middleware(environ, None))
""",
    "an application under ASGI": """
middleware = corsac.CORSMiddleware(blocking, **POLICY)
in_thread(lambda: middleware(scope, None, None))
""",
    "middlewares inside one another": """
middleware = corsac.wsgi.CORSMiddleware(corsac.wsgi.CORSMiddleware(blocking, **POLICY), **POLICY)
in_thread(lambda: middleware(environ, None))
""",
    "a server's start_response": """
middleware = corsac.wsgi.CORSMiddleware(app, **POLICY)
in_thread(lambda: middleware(environ, blocking))
""",
    "a function that is asked about an origin": """
middleware = corsac.wsgi.CORSMiddleware(app, allow_origin_func=lambda origin: blocking())
in_thread(lambda: middleware(environ, lambda *_: None))
""",
    "a function that is told about refusals": """
middleware = corsac.wsgi.CORSMiddleware(app, on_refusal=blocking)
in_thread(lambda: middleware(environ, lambda *_: None))
""",
    "origins that the core takes without the lock": """
from corsac._core import make_live_origins
origins = tuple(f"https://{number}.example" for number in range(100_000))
def take():
    while True:
        under_way.set()
        make_live_origins(allow_insecure=False).add(origins)
in_thread(take)
""",
}


@pytest.mark.parametrize("what", UNDER_WAY)
def test_the_interpreter_ends_as_it_would_without_corsac(what: str) -> None:
    program = BEGIN + UNDER_WAY[what] + END
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "ended")
