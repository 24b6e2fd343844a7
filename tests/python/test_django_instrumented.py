"""Django's handlers and middleware as tracing leaves them, patched or with one more around ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ORIGIN = "https://app.example.com"
# In a process of its own: what is patched stays patched. Sentry looks for eventlet, which cannot be
# imported beside everything else that the tests have installed.
PROGRAM = """
import json
import sys

sys.modules["eventlet"] = None
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler

from support.django_project import CALLS
from support.exchange import Request


def sentry():
    import sentry_sdk
    from sentry_sdk.integrations.django import DjangoIntegration

    sentry_sdk.init(
        dsn="http://key@127.0.0.1:1/1",
        transport=lambda envelope: None,
        default_integrations=False,
        traces_sample_rate=1.0,
        integrations=[DjangoIntegration(middleware_spans=True, signals_spans=True)],
    )


def opentelemetry():
    from opentelemetry.instrumentation.django import DjangoInstrumentor

    DjangoInstrumentor().instrument()


origin, instrument, when = sys.argv[1:]
settings.CORS_ALLOWED_ORIGINS = [origin]
if when == "before":
    globals()[instrument]()
handlers = {"asgi": ASGIHandler(), "wsgi": WSGIHandler()}
if when == "after":
    globals()[instrument]()
requests = [
    Request(headers=[("Origin", origin)]),
    Request(headers=[("Origin", "https://evil.example")]),
    Request("OPTIONS", [("Origin", origin), ("Access-Control-Request-Method", "PUT")]),
]
for name, call in CALLS.items():
    for request in requests:
        response = call(request, handlers[name])
        print(json.dumps([response.status, response.app_called, response.header_set]))
"""


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("instrument", ["sentry", "opentelemetry"])
def test_an_instrumented_project_answers_as_before(instrument: str, when: str) -> None:
    tests = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, ORIGIN, instrument, when],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(tests), *sys.path])},
    )
    assert done.returncode == 0, done.stderr
    allowed = {
        "access-control-allow-origin": ORIGIN,
        "content-type": "text/plain",
        "vary": "origin",
    }
    answer = {
        "access-control-allow-origin": ORIGIN,
        "access-control-allow-methods": "DELETE, GET, OPTIONS, PATCH, POST, PUT",
        "access-control-allow-headers": "accept, authorization, content-type, user-agent, "
        "x-csrftoken, x-requested-with",
        "access-control-max-age": "86400",
        "content-length": "0",
        "vary": "origin",
    }
    refused = {"content-type": "text/plain", "vary": "origin"}
    expected = [[200, True, allowed], [200, True, refused], [200, False, answer]]
    assert list(map(json.loads, done.stdout.splitlines())) == expected * 2
