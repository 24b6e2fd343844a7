"""Every function of the core, with arguments that it takes."""

from __future__ import annotations

from typing import Any

import corsac
from corsac import _core
from support.asgi import ORIGIN
from support.wsgi import environ_from

__all__ = ["CALLS", "COMPILED", "POLICY", "ROUTING"]

POLICY = corsac.CORSPolicy(allow_origins=[ORIGIN.decode()])
COMPILED = POLICY._compiled
ROUTING, _ = _core.compile_routing(fallback=COMPILED, patterns=["/a"], policies=[None])
ENVIRON = environ_from()
LINES = [(b"x-a", b"1")]
LISTS: dict[str, Any] = {
    name: []
    for name in ("allow_origins", "allow_methods", "allow_headers", "expose_headers", "tolerate")
}
FLAGS = dict.fromkeys(
    (
        "allow_credentials",
        "allow_private_network",
        "preflight_continue",
        "allow_timing",
        "always_send",
    ),
    False,
)
REQUEST: dict[str, Any] = {"policy": COMPILED, "method": "GET", "environ": ENVIRON}
ASKED: dict[str, Any] = {
    "origin": "https://a.test",
    "credentials_include": False,
    "method": "PUT",
    "headers": LINES,
    "use_cors_preflight": False,
    "engine": "standard",
    "url": "https://b.test/",
    "now": 0.0,
}


def some_of(arguments: dict[str, Any], *names: str, **more: Any) -> dict[str, Any]:
    return {name: arguments[name] for name in names} | more


CALLS: dict[str, dict[str, Any]] = {
    "compile_policy": LISTS
    | FLAGS
    | {
        "guard": (["https://a.test"], ["/a"], True, True),
        "max_age": 1,
        "preflight_status": 204,
        "app_headers": "replace",
        "decide_origin": None,
        "app_headers_log": None,
    },
    "compile_routing": {
        "fallback": COMPILED,
        "patterns": ["/a"],
        "policies": [COMPILED],
        "on_refusal": None,
        "report_only": ROUTING,
        "debug_header": "x-reason",
    },
    "compile_several": {"policies": [COMPILED, COMPILED]},
    "make_live_origins": {"allow_insecure": False},
    "make_origin_verdicts": {},
    "with_live_origins": {
        "policy": COMPILED,
        "live": _core.make_live_origins(allow_insecure=False),
    },
    "select_member": {"policy": COMPILED, "environ": ENVIRON, "place": 0, "answer": None},
    "is_serialized_origin": {"origin": ORIGIN},
    "is_token": {"text": "PUT"},
    "is_forbidden_method": {"method": "trace"},
    "is_origin_entry": {"entry": "https://a.test"},
    "select_policy": {"routing": ROUTING, "path": "/a"},
    "match_rule": {"routing": ROUTING, "path": b"/a"},
    "check_host": {"routing": ROUTING, "lines": [b"a.test"]},
    "check_host_entries": {"entries": ["a.test", "*"]},
    "matches_origin_entry": {"entry": "https://a.test", "origin": ORIGIN},
    "decide_request": REQUEST | {"answer": None, "scheme": "https", "path": "/a"},
    "try_request": REQUEST | {"answer": None, "scheme": "https", "path": "/a"},
    "guard_problems": {"guard": (["https://a.test"], ["/a"], True, True)},
    "is_beyond_cors": {"environ": ENVIRON, "scheme": "https"},
    "make_preflight_cache": {"capacity": 4},
    "browser_request_method": {"method": "PUT"},
    "browser_request_headers": {
        "author": LINES,
        "content_type": b"",
        "no_cors": False,
        "engine": "standard",
    },
    "browser_unsafe_request_header_names": some_of(ASKED, "headers", "engine"),
    "browser_needs_preflight": some_of(ASKED, "method", "headers", "use_cors_preflight", "engine"),
    "browser_preflight_request_headers": some_of(ASKED, "origin", "method", "headers", "engine"),
    "browser_serialize_request_origin": some_of(ASKED, "origin", url_origins=["https://a.test"]),
    "browser_origin_header": some_of(
        ASKED,
        "origin",
        "method",
        "engine",
        url_origin="https://b.test",
        cors_tainting=True,
        cors_mode=True,
        referrer_policy="",
    ),
    "browser_is_redirect_status": {"status": 302},
    "browser_redirect_makes_get": {"status": 302, "method": "POST"},
    "browser_is_request_body_header_name": {"name": b"content-type"},
    "browser_is_bad_port": {"port": 22},
    "browser_serialize_origin": {"scheme": "https", "host": "a.test", "port": None},
    "browser_cors_check": some_of(ASKED, "origin", "credentials_include", response_headers=LINES),
    "browser_preflight_check": some_of(
        ASKED,
        "origin",
        "credentials_include",
        "method",
        "use_cors_preflight",
        "engine",
        request_headers=LINES,
        status=204,
        response_headers=LINES,
    ),
    "browser_readable_header_names": {"credentials_include": False, "response_headers": LINES},
    "browser_basic_readable_header_names": {"response_headers": LINES},
    "browser_redirect_location": {"response_headers": LINES, "engine": "standard"},
    "browser_resource_policy_blocks": {
        "same_origin": False,
        "same_site": False,
        "page_is_https": True,
        "response_is_https": True,
        "embedder_policy": "unsafe-none",
        "includes_credentials": False,
        "response_headers": LINES,
    },
    "browser_asks_for_password": {"status": 401, "response_headers": LINES},
    "browser_preflight_max_age": {"response_headers": LINES, "engine": "standard"},
}
