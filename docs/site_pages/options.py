"""Every option with its default, its contract and what it makes of an answer: from the code."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from configuration_schema import described

import corsac
from site_pages.text import GENERATED, anchor, anchored, block, call, plain

ORIGIN = "https://app.example.com"
PREFLIGHT = {"Origin": ORIGIN, "Access-Control-Request-Method": "PUT"}
ACTUAL = {"Origin": ORIGIN}


class Shown(NamedTuple):
    """An example of an option: keywords as a program has them, and a request that shows them."""

    keywords: Sequence[str]
    method: str
    headers: Mapping[str, str]
    path: str = "/notes"
    before: str = ""


_LISTED = f'allow_origins=["{ORIGIN}"]'
_PUT = 'allow_methods=["PUT"]'
_JSON = PREFLIGHT | {"Access-Control-Request-Headers": "content-type"}
_EMBEDDED = PREFLIGHT | {"Access-Control-Request-Private-Network": "true"}

POLICY: dict[str, Shown] = {
    "allow_origins": Shown(
        (f'allow_origins=["{ORIGIN}", "https://*.preview.example.com"]',),
        "GET",
        {"Origin": "https://pr-7.preview.example.com"},
    ),
    "allow_origin_regex": Shown(
        (r'allow_origin_regex=r"https://pr-\d+\.example\.com"',),
        "GET",
        {"Origin": "https://pr-7.example.com"},
    ),
    "allow_origin_func": Shown(
        ("allow_origin_func=is_customer",),
        "GET",
        ACTUAL,
        before=f'def is_customer(origin):\n    return origin in {{"{ORIGIN}"}}\n',
    ),
    "allow_methods": Shown((_LISTED, 'allow_methods=["PUT", "DELETE"]'), "OPTIONS", PREFLIGHT),
    "allow_headers": Shown((_LISTED, _PUT, 'allow_headers=["content-type"]'), "OPTIONS", _JSON),
    "allow_credentials": Shown((_LISTED, "allow_credentials=True"), "GET", ACTUAL),
    "expose_headers": Shown((_LISTED, 'expose_headers=["etag", "x-total"]'), "GET", ACTUAL),
    "max_age": Shown((_LISTED, _PUT, "max_age=7200"), "OPTIONS", PREFLIGHT),
    "allow_private_network": Shown(
        (_LISTED, _PUT, "allow_private_network=True"), "OPTIONS", _EMBEDDED
    ),
    "preflight_status": Shown((_LISTED, _PUT, "preflight_status=200"), "OPTIONS", PREFLIGHT),
    "preflight_continue": Shown((_LISTED, _PUT, "preflight_continue=True"), "OPTIONS", PREFLIGHT),
    "guard": Shown((_LISTED, "guard=True"), "POST", {"Origin": "https://evil.example"}),
    "allow_timing": Shown((_LISTED, "allow_timing=True"), "GET", ACTUAL),
    "always_send": Shown((_LISTED, "always_send=True"), "GET", {}),
    "app_headers": Shown(
        (_LISTED, 'app_headers="keep"'), "GET", {"Origin": "https://other.example"}
    ),
    "tolerate": Shown(
        ('allow_origins=["null"]', 'tolerate=["origin.null"]'), "GET", {"Origin": "null"}
    ),
}
"""An example for each option of a policy; the generator fails where one is missing."""

_APP = "async def app(scope, receive, send): ...\n"
MIDDLEWARE = {
    "rules": ('rules=[("/public/*", corsac.CORSPolicy(allow_origins=["*"])), ("/health", None)]'),
    "allowed_hosts": 'allowed_hosts=["api.example.com", *corsac.LOOPBACK_HOSTS]',
    "on_refusal": "on_refusal=print",
    "report_only": f'report_only=corsac.CORSPolicy(allow_origins=["{ORIGIN}"], guard=True)',
    "report_only_rules": (
        'report_only_rules=[("/public/*", corsac.CORSPolicy(allow_origins=["*"]))]'
    ),
    "report_only_hosts": 'report_only_hosts=["api.example.com"]',
    "debug_header": "debug_header=True",
}
GUARD = {
    "trusted_origins": 'trusted_origins=["https://checkout.example"]',
    "exempt_paths": 'exempt_paths=["/saml/acs", "/hooks/*"]',
    "isolate_reads": "isolate_reads=True",
    "writes": "writes=False",
}


def page() -> str:
    """The page."""
    parts = [
        GENERATED + "# Every option\n",
        "Each with its default, its contract and an example. A table of them all, and how they are "
        "written in files and variables: [Options](options.md).\n",
        "## Options of a policy\n",
        "The arguments of `corsac.CORSPolicy`; `corsac.CORSMiddleware` and "
        "`corsac.starlette.install` take them too.\n",
    ]
    defaults = inspect.signature(corsac.CORSPolicy).parameters
    texts = described(corsac.CORSPolicy)
    for name in defaults:
        shown = POLICY[name]
        parts += [
            anchored(f"option-{anchor(name)}", f"`{name}`", 3),
            f"Default: `{defaults[name].default!r}`. {_elsewhere(name)}\n",
            texts[name] + "\n",
            block("python", _program(shown)),
            _answer(shown),
        ]
    parts.append(
        "## Options of the middleware\n\n"
        "`corsac.CORSMiddleware` for ASGI and `corsac.wsgi.CORSMiddleware` have these too.\n"
    )
    signature = inspect.signature(corsac.CORSMiddleware).parameters
    texts = described(corsac.CORSMiddleware)
    for name, written in MIDDLEWARE.items():
        made = call("corsac.CORSMiddleware", ["app", _LISTED, written])
        program = f"import corsac\n\n\n{_APP}\n\napp = {made}"
        parts += _entry(name, signature[name].default, texts[name], program)
    parts.append(
        "## Arguments of the guard\n\n"
        "[CSRF protection](../how-to/guard.md) says what they are for.\n"
    )
    signature = inspect.signature(corsac.Guard).parameters
    texts = described(corsac.Guard)
    for name, written in GUARD.items():
        made = call("corsac.CORSPolicy", [_LISTED, f"guard=corsac.Guard({written})"])
        program = f"import corsac\n\npolicy = {made}"
        parts += _entry(name, signature[name].default, texts[name], program)
    return "\n".join(parts)


def _entry(name: str, default: object, text: str, program: str) -> list[str]:
    label = anchored(f"option-{anchor(name)}", f"`{name}`", 3)
    return [label, f"Default: `{default!r}`.\n", text + "\n", block("python", program)]


def _elsewhere(name: str) -> str:
    if name == "allow_origin_func":
        return "In Python only: a function cannot be written in a file."
    return f"In a TOML file `{name}`, as a variable `CORS_{name.upper()}`."


def _program(shown: Shown) -> str:
    before = f"\n\n{shown.before}\n\n" if shown.before else "\n"
    return f"import corsac\n{before}policy = {call('corsac.CORSPolicy', shown.keywords)}"


def _answer(shown: Shown) -> str:
    """What the example makes of a request, told by the policy itself."""
    names: dict[str, Any] = {}
    exec(_program(shown), names)  # noqa: S102 - the page's own example
    told = names["policy"].explain(shown.method, shown.headers, shown.path)
    origin = shown.headers.get("Origin")
    whose = f"from `{origin}`" if origin else "without `Origin`"
    kind = "A preflight request" if told.kind == "preflight" else f"A `{shown.method}`"
    if told.reason:
        # What stays of the application's headers is all that there is to say of a refusal.
        notes = [plain(step.text) for step in told.steps if step.check == "app-headers"]
        return f"{kind} {whose}: " + "; ".join([f"refused, `{told.reason}`", *notes]) + ".\n"
    lines = [f"{name}: {value}" for name, value in told.response_headers]
    answer = "reaches the application, and its answer gets"
    if told.status:
        answer = f"is answered with {told.status} and"
    return f"{kind} {whose} {answer}\n\n" + block("console", "\n".join(lines))
