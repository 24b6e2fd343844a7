"""The typed face of the C++ core. Private: use the names that the package exports."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Final, TypeAlias, final
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from typing_extensions import disjoint_base

from corsac._types import ASGIApp, Outcomes, Receive, Scope, Send
from corsac.app_headers import AppHeadersLog

# Only the functions below make the types that are final.
@final
class CompiledPolicy:
    @property
    def decide_origin(self) -> Callable[..., bool | Awaitable[bool]] | None: ...
    def __deepcopy__(self, memo: object, /) -> CompiledPolicy: ...
    @property
    def allows_timing(self) -> bool: ...
    @property
    def app_headers_log(self) -> AppHeadersLog | None: ...

@final
class Routing: ...

# Origins that came from a source, filled in batches. `add` gives the places of entries about which
# it did nothing, since somebody has to look at them; `add_checked` is for those that are fine.
# `entries` and `entries_beyond` give some of them, those that were added first.
@final
class LiveOrigins:
    def add(self, entries: tuple[object, ...]) -> list[int]: ...
    def add_checked(self, entries: Sequence[str]) -> None: ...
    def entries(self, limit: int) -> list[str]: ...
    def entries_beyond(self, other: LiveOrigins, limit: int) -> list[str]: ...
    def entry_for(self, origin: bytes) -> str: ...
    def __len__(self) -> int: ...

# Answers about origins that never change, the last ones of each kind, for all threads. What is kept
# may go at any time; `find` is then None.
@final
class OriginVerdicts:
    def find(self, origin: bytes) -> bool | None: ...
    def put(self, origin: bytes, allowed: bool) -> None: ...
    def __len__(self) -> int: ...

def make_origin_verdicts() -> OriginVerdicts: ...
def make_live_origins(*, allow_insecure: bool) -> LiveOrigins: ...
def with_live_origins(policy: CompiledPolicy, live: LiveOrigins) -> CompiledPolicy: ...

@disjoint_base
class ASGIMiddleware:
    def __init__(
        self,
        app: ASGIApp,
        configuration: object,
        routing: Routing,
        respond: Callable[..., Awaitable[None]],
        refuse: Callable[..., Awaitable[None]],
        continue_when_decided: Callable[..., Awaitable[None]],
        report: Callable[..., tuple[float, float]] | None,
        report_trial: Callable[..., tuple[float, float]] | None,
        root_path_owner: object = None,
    ) -> None: ...
    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]: ...
    @property
    def app(self) -> ASGIApp: ...
    @property
    def _configuration(self) -> Any: ...
    def _put_in_force(self, configuration: object, routing: Routing) -> None: ...
    def _continue(
        self,
        routing: Routing,
        place: int,
        allowed: bool,
        origin: bytes,
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> Awaitable[None]: ...
    def _outcomes(self) -> Outcomes: ...
    def _trial_outcomes(self) -> tuple[Outcomes, int, int, int]: ...
    _send_type: type[Any]

@disjoint_base
class WSGIMiddleware:
    def __init__(
        self,
        app: WSGIApplication,
        configuration: object,
        routing: Routing,
        decide_at_once: Callable[[Awaitable[bool]], bool],
        refuse: Callable[..., Iterable[bytes]],
        report: Callable[..., tuple[float, float]] | None,
        report_trial: Callable[..., tuple[float, float]] | None,
    ) -> None: ...
    def __call__(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]: ...
    @property
    def app(self) -> WSGIApplication: ...
    @property
    def _configuration(self) -> Any: ...
    def _put_in_force(self, configuration: object, routing: Routing) -> None: ...
    def _outcomes(self) -> Outcomes: ...
    def _trial_outcomes(self) -> tuple[Outcomes, int, int, int]: ...
    _start_response_type: type[Any]

@final
class EnvironSwitch:
    def __new__(
        cls,
        key: str,
        mark: object,
        then: Callable[..., Any],
        otherwise: Callable[..., Any],
        *,
        marks: bool,
    ) -> EnvironSwitch: ...
    def __call__(self, environ: Any, /, *args: Any, **kwargs: Any) -> Any: ...

def compile_policy(
    *,
    allow_origins: Sequence[str],
    allow_methods: Sequence[str],
    allow_headers: Sequence[str],
    expose_headers: Sequence[str],
    tolerate: Sequence[str],
    max_age: int | None,
    preflight_status: int,
    allow_credentials: bool,
    allow_private_network: bool,
    preflight_continue: bool,
    guard: tuple[Sequence[str], Sequence[str], bool, bool] | None,
    allow_timing: bool,
    always_send: bool,
    app_headers: str,
    decide_origin: Callable[..., bool | Awaitable[bool]] | None,
    app_headers_log: AppHeadersLog | None,
) -> tuple[CompiledPolicy | None, list[tuple[str, str, str, str, str, str]]]: ...
def guard_problems(
    guard: tuple[Sequence[str], Sequence[str], bool, bool],
) -> list[tuple[str, str, str, str, str, str]]: ...
def is_serialized_origin(origin: bytes) -> bool: ...

# Facts of the core: seconds, bytes, codes.
MAX_MAX_AGE: Final[int]
CHROMIUM_MAX_AGE: Final[int]
MAX_ORIGIN_LENGTH: Final[int]
MAX_ORIGIN_VERDICTS: Final[int]
TOLERABLE_CODES: Final[frozenset[str]]

def is_token(text: str) -> bool: ...
def is_forbidden_method(method: str) -> bool: ...
def is_origin_entry(entry: str) -> bool: ...
def compile_several(policies: Sequence[CompiledPolicy]) -> CompiledPolicy: ...
def check_host_entries(entries: Sequence[str]) -> list[tuple[str, str, str, str, str, str]]: ...
def compile_routing(
    *,
    fallback: CompiledPolicy | None,
    patterns: Sequence[str],
    policies: Sequence[CompiledPolicy | None],
    on_refusal: Callable[..., None] | None = None,
    report_only: Routing | None = None,
    debug_header: str | None = None,
    allowed_hosts: Sequence[str] | None = None,
) -> tuple[Routing | None, list[tuple[str, str, str, str, str, str]]]: ...

# One request under a policy, for middleware that has no messages of a protocol. `environ` has the
# names of CGI (HTTP_ORIGIN) with latin-1 text. `answer` is what was found out about an origin that
# is not listed; it never counts for `null`. What comes back is
# (status, header pairs, vary, body, kind, allowed, reason, told): with the status 0 the application
# answers, the pairs are set on its response and `vary` is merged into its Vary; else it is the
# whole answer. Kinds are those of `explain`, a reason is "" or a refusal's code. `told` is what is
# counted and reported: (kind, reason, what is missing, reach, number among several), as in
# `corsac.Refusal`; a reach is 0 if the application does not run, 1 if its page cannot read the
# response, 2 if CORS keeps nothing from anyone. `scheme` is that by which the server was asked, as
# far as it knows; `path` is what rules see, and without it no path is exempt from a guard.
_Told: TypeAlias = tuple[str, str, tuple[str | None, tuple[str, ...]] | None, int, int | None]

def select_policy(routing: Routing, path: str) -> tuple[CompiledPolicy | None, str]: ...

# Of several policies the one that decides, from `place` on; its place; and what was found out about
# the origin: True, None if nobody was asked, or an awaitable: then call again with that place and
# the answer. Of one policy itself, 0 and None.
def select_member(
    policy: CompiledPolicy, environ: dict[str, Any], place: int = 0, answer: bool | None = None
) -> tuple[CompiledPolicy, int, bool | Awaitable[bool] | None]: ...
def match_rule(routing: Routing, path: bytes) -> tuple[int | None, bool]: ...
def check_host(routing: Routing, lines: Sequence[bytes]) -> str: ...
def matches_origin_entry(entry: str, origin: bytes) -> bool: ...
def decide_request(
    policy: CompiledPolicy,
    method: str,
    environ: dict[str, Any],
    answer: bool | None = None,
    scheme: str = "",
    path: str | None = None,
) -> tuple[int, list[tuple[str, str]], str, bytes, str, bool, str, _Told] | Awaitable[bool]: ...
def try_request(
    policy: CompiledPolicy,
    method: str,
    environ: dict[str, Any],
    answer: bool | None = None,
    scheme: str = "",
    path: str | None = None,
) -> _Told | None: ...
def is_beyond_cors(environ: dict[str, Any], scheme: str = "") -> bool: ...

# The browser's half of the protocol. Header lines are (name, value) pairs of bytes; reasons are
# the codes of the conformance cases, and "" means that nothing is blocked. An engine is one of
# `corsac.browser.PROFILES`; another name is a ValueError.
_HeaderLines: TypeAlias = Sequence[tuple[bytes, bytes]]

def browser_request_method(method: str) -> str | None: ...
def browser_request_headers(
    author: _HeaderLines, content_type: bytes, no_cors: bool, engine: str = "standard"
) -> list[tuple[bytes, bytes]] | None: ...
def browser_unsafe_request_header_names(
    headers: _HeaderLines, engine: str = "standard"
) -> list[bytes]: ...
def browser_needs_preflight(
    method: str,
    headers: _HeaderLines,
    use_cors_preflight: bool = False,
    engine: str = "standard",
) -> bool: ...
def browser_preflight_request_headers(
    origin: str, method: str, headers: _HeaderLines, engine: str = "standard"
) -> list[tuple[bytes, bytes]]: ...
def browser_serialize_request_origin(origin: str, url_origins: Sequence[str]) -> str: ...
def browser_origin_header(
    origin: str,
    url_origin: str,
    method: str,
    cors_tainting: bool,
    cors_mode: bool,
    referrer_policy: str,
    engine: str = "standard",
) -> str | None: ...
def browser_is_redirect_status(status: int) -> bool: ...
def browser_redirect_makes_get(status: int, method: str) -> bool: ...
def browser_is_request_body_header_name(name: bytes) -> bool: ...
def browser_is_bad_port(port: int) -> bool: ...
def browser_serialize_origin(scheme: str, host: str, port: int | None) -> str: ...
def browser_cors_check(
    origin: str, credentials_include: bool, response_headers: _HeaderLines
) -> str: ...
def browser_preflight_check(
    origin: str,
    credentials_include: bool,
    method: str,
    request_headers: _HeaderLines,
    status: int,
    response_headers: _HeaderLines,
    use_cors_preflight: bool = False,
    engine: str = "standard",
) -> tuple[str, str]: ...
def browser_readable_header_names(
    credentials_include: bool, response_headers: _HeaderLines
) -> list[bytes]: ...
def browser_basic_readable_header_names(response_headers: _HeaderLines) -> list[bytes]: ...
def browser_redirect_location(
    response_headers: _HeaderLines, engine: str = "standard"
) -> bytes | bool | None: ...
def browser_resource_policy_blocks(
    same_origin: bool,
    same_site: bool,
    page_is_https: bool,
    response_is_https: bool,
    embedder_policy: str,
    includes_credentials: bool,
    response_headers: _HeaderLines,
) -> bool: ...
def browser_asks_for_password(status: int, response_headers: _HeaderLines) -> bool: ...
def browser_preflight_max_age(response_headers: _HeaderLines, engine: str = "standard") -> int: ...

@final
class PreflightCache:
    def covers(
        self,
        origin: str,
        credentials_include: bool,
        method: str,
        headers: _HeaderLines,
        use_cors_preflight: bool,
        engine: str,
        url: str,
        now: float,
    ) -> bool: ...
    def store(
        self,
        origin: str,
        credentials_include: bool,
        method: str,
        headers: _HeaderLines,
        use_cors_preflight: bool,
        engine: str,
        url: str,
        response_headers: _HeaderLines,
        now: float,
    ) -> None: ...
    def clear_entries(self, origin: str, url: str) -> None: ...
    def clear(self) -> None: ...
    def __len__(self) -> int: ...

def make_preflight_cache(capacity: int) -> PreflightCache: ...
