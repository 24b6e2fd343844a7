"""Policies of single views: decorators, and how the middleware finds what they say."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from asgiref.sync import iscoroutinefunction
from django.urls import URLPattern, URLResolver, get_resolver, resolve
from django.urls.exceptions import Resolver404

from corsac.policy import CORSPolicy, CORSPolicyOptions, resolve_policy

if TYPE_CHECKING:
    from typing import Unpack

    from django.http import HttpRequest

__all__ = ["UNMARKED", "cors", "cors_exempt", "load_urls", "mark_of", "marks"]

ViewT = TypeVar("ViewT")

_ATTRIBUTE: Final = "corsac_policy"

UNMARKED: Final = object()
"""What `mark_of` gives for a view that no decorator has seen."""


class _Marks:
    """Whether any view has a policy of its own, so that most projects never look for one."""

    def __init__(self) -> None:
        self.exist = False
        self.guard = False


marks: Final = _Marks()


def cors(
    policy: CORSPolicy | None = None, **options: Unpack[CORSPolicyOptions]
) -> Callable[[ViewT], ViewT]:
    """Give a view a policy of its own, for its responses and for its preflight requests.

    The middleware applies it, so `corsac.django.CORSMiddleware` has to be in ``MIDDLEWARE``. Paths
    and origins of the settings and `check_request_enabled` have no say for the view.

    Args:
        policy: The policy; or give the options of one.
        **options: The options of `CORSPolicy`.

    Returns:
        A decorator for a view function, a class of views (which it changes), or what ``include()``
        gives: ``path("api/", cors(policy)(include("api.urls")))``. There it is for each view that
        has no decorator of its own.

    Raises:
        CORSConfigError: The options cannot be used.
        TypeError: As for `CORSMiddleware`.
    """
    chosen = resolve_policy(policy, options)
    marks.guard = marks.guard or chosen.guard
    return functools.partial(_mark, mark=chosen)


def cors_exempt(view: ViewT) -> ViewT:
    """Leave a view alone: the middleware touches neither its requests nor its responses.

    Args:
        view: A view function, a class of views, or what ``include()`` gives.
    """
    marked: ViewT = _mark(view, None)
    return marked


def _mark(view: Any, mark: CORSPolicy | None) -> Any:
    marks.exist = True
    if isinstance(view, type):
        dispatch = getattr(view, "dispatch", None)
        if dispatch is None:
            message = f"{view.__name__} is no class of views: it has no dispatch method"
            raise TypeError(message)
        # as_view() copies what dispatch has in its dictionary to the view that it makes.
        view.dispatch = _wrap(dispatch, mark)  # type: ignore[attr-defined]
        return view
    if isinstance(view, tuple) and len(view) == 3:
        urls, app_name, namespace = view
        return (_MarkedURLs(urls, mark), app_name, namespace)
    if not callable(view):
        message = (
            f"decorate a view function, a class of views or include(...), not {type(view).__name__}"
        )
        raise TypeError(message)
    return _wrap(view, mark)


def _wrap(view: Callable[..., Any], mark: CORSPolicy | None) -> Callable[..., Any]:
    # Another function and not the same one with an attribute: the view may stand in other places.
    async def run_async(*args: Any, **kwargs: Any) -> Any:
        return await view(*args, **kwargs)

    def run(*args: Any, **kwargs: Any) -> Any:
        return view(*args, **kwargs)

    wrapper: Callable[..., Any] = run_async if iscoroutinefunction(view) else run
    functools.update_wrapper(wrapper, view)
    setattr(wrapper, _ATTRIBUTE, mark)
    return wrapper


class _MarkedURLs:
    """Stands for a URLconf; its views have the mark, save those that have one already."""

    def __init__(self, urls: Any, mark: CORSPolicy | None) -> None:
        self._urls = urls
        self._mark = mark

    @functools.cached_property
    def urlpatterns(self) -> list[URLPattern | URLResolver]:
        """The patterns, made anew around decorated views."""
        return list(map(self._marked, _patterns_of(self._urls)))

    def _marked(self, entry: URLPattern | URLResolver) -> URLPattern | URLResolver:
        if isinstance(entry, URLResolver):
            return URLResolver(
                entry.pattern,
                cast("Any", _MarkedURLs(entry.urlconf_module, self._mark)),
                entry.default_kwargs,
                entry.app_name,
                entry.namespace,
            )
        if getattr(entry.callback, _ATTRIBUTE, UNMARKED) is not UNMARKED:
            return entry
        view = _wrap(entry.callback, self._mark)
        return URLPattern(entry.pattern, view, entry.default_args, entry.name)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._urls, name)


def _patterns_of(urls: Any) -> Iterable[URLPattern | URLResolver]:
    patterns: Iterable[URLPattern | URLResolver] = getattr(urls, "urlpatterns", urls)
    return patterns


def load_urls() -> None:
    """Import the URLconf with its views, so that `marks` knows of every decorator."""
    get_resolver().url_patterns  # noqa: B018 - the attribute is what imports


def mark_of(request: HttpRequest) -> object:
    """What a decorator says about the view of a request.

    Args:
        request: A request, before or after its URL was resolved. A preflight request has the URL of
            the request that it asks about, and so the same view.

    Returns:
        A `CORSPolicy`; ``None`` if the view is exempt; `UNMARKED` if no decorator says anything or
        no view has the URL.
    """
    match = request.resolver_match
    if match is None:
        try:
            match = resolve(request.path_info, getattr(request, "urlconf", None))
        except Resolver404:
            return UNMARKED
    return getattr(match.func, _ATTRIBUTE, UNMARKED)
