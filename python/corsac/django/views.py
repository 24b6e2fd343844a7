"""Policies of single views: decorators, and how the middleware finds what they say."""

from __future__ import annotations

import contextlib
import functools
import types
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar, Unpack, cast

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.conf.urls.i18n import is_language_prefix_patterns_used
from django.http import HttpRequest
from django.urls import URLPattern, URLResolver, get_resolver, resolve
from django.utils import translation
from django.utils.functional import cached_property

from corsac.errors import CORSConfigProblem, log_warnings
from corsac.policy import CORSPolicy, CORSPolicyOptions, resolve_policy

__all__ = ["UNMARKED", "class_of", "cors", "cors_exempt", "handler_of", "mark_of", "mark_on"]
__all__ += ["marked_views", "marks", "views_below"]

ViewT = TypeVar("ViewT")

_ATTRIBUTE: Final = "corsac_policy"
_OF_SEVERAL: Final = "corsac_policy_of_several"
_RAN: Final = "_corsac_ran"
_LOCALE_MIDDLEWARE: Final = "django.middleware.locale.LocaleMiddleware"

UNMARKED: Final = object()
"""What `mark_of` gives for a view that no decorator has seen."""


marks: Final = types.SimpleNamespace(exist=False, guard=False, told=set())
"""Whether any view has a policy of its own, so that most projects never look for one."""


def cors(
    policy: CORSPolicy | None = None, **options: Unpack[CORSPolicyOptions]
) -> Callable[[ViewT], ViewT]:
    """Give a view a policy of its own, for its responses and for its preflight requests.

    The middleware applies it, so `corsac.django.CORSMiddleware` has to be in ``MIDDLEWARE``. Paths
    and origins of the settings and `check_request_enabled` have no say for the view.

    Args:
        policy: The policy; or give the options of one.
        **options: The options of `CORSPolicy`.

    A preflight request has the policy of the method that it announces. Any other decorator outside
    of this one has to use `functools.wraps`, as Django's do: else the settings decide about the
    view's preflight requests and about ``guard``, and only its responses have its policy.

    Returns:
        A decorator for a view function, a class of views (which it changes), a method of one that
        answers an HTTP method, or what ``include()`` gives:
        ``path("api/", cors(policy)(include("api.urls")))``. There it is for each view that has no
        decorator of its own; that of a method goes before that of its class.

    Raises:
        CORSConfigError: The options cannot be used.
        TypeError: As for `CORSMiddleware`.
    """
    chosen = resolve_policy(policy, options)
    log_warnings(chosen.problems)
    marks.guard = marks.guard or chosen.guard
    return functools.partial(_mark, mark=chosen)


def cors_exempt(view: ViewT) -> ViewT:
    """Leave a view alone: the middleware touches neither its requests nor its responses.

    Args:
        view: What `cors` decorates.
    """
    marked: ViewT = _mark(view, None)
    return marked


def _mark(view: Any, mark: CORSPolicy | None) -> Any:
    marks.exist = True
    if isinstance(view, type):
        dispatch = getattr(view, "dispatch", None)
        if dispatch is None:
            message = f"{view.__name__} is not a class of views: it has no dispatch method"
            raise TypeError(message)
        # as_view() copies what dispatch has in its dictionary to the view that it makes.
        view.dispatch = _wrap(dispatch, mark, of_several=True)  # type: ignore[attr-defined]
        return view
    if isinstance(view, tuple) and len(view) == 3:
        urls, app_name, namespace = view
        return (_MarkedURLs(urls, mark), app_name, namespace)
    if not callable(view):
        message = (
            f"decorate a view function, a class of views or include(...), not {type(view).__name__}"
        )
        raise TypeError(message)
    # `method_decorator(cors(...), name="dispatch")` speaks for a class as well.
    return _wrap(view, mark, of_several=getattr(view, "__name__", "") == "dispatch")


def _wrap(
    view: Callable[..., Any], mark: CORSPolicy | None, *, of_several: bool
) -> Callable[..., Any]:
    # Another function and not the same one with an attribute: the view may stand in other places.
    async def run_async(*args: Any, **kwargs: Any) -> Any:
        if not of_several:
            _take_note(args, kwargs, mark)
        return await view(*args, **kwargs)

    def run(*args: Any, **kwargs: Any) -> Any:
        if not of_several:
            _take_note(args, kwargs, mark)
        return view(*args, **kwargs)

    wrapper: Callable[..., Any] = run_async if iscoroutinefunction(view) else run
    functools.update_wrapper(wrapper, view)
    setattr(wrapper, _ATTRIBUTE, mark)
    setattr(wrapper, _OF_SEVERAL, of_several)
    return wrapper


def _take_note(args: tuple[Any, ...], kwargs: dict[str, Any], mark: CORSPolicy | None) -> None:
    """Leave the mark of a view that runs on its request; the first one, the outermost, stays."""
    # A method's first argument is its object.
    for given in (*args[:2], kwargs.get("request")):
        # Django REST framework puts its own request around Django's.
        request = getattr(given, "__dict__", {}).get("_request", given)
        if isinstance(request, HttpRequest):
            request.__dict__.setdefault(_RAN, mark)
            return


class _MarkedURLs:
    """Stands for a URLconf; its views have the mark, save those that have one already."""

    def __init__(self, urls: Any, mark: CORSPolicy | None) -> None:
        self._urls = urls
        self._mark = mark

    @cached_property  # Django's: that of Python 3.11 has a lock, which a fork may leave held.
    def urlpatterns(self) -> list[URLPattern | URLResolver]:
        """The patterns, made anew around decorated views."""
        return list(map(self._marked, getattr(self._urls, "urlpatterns", self._urls)))

    def _marked(self, entry: URLPattern | URLResolver) -> URLPattern | URLResolver:
        if isinstance(entry, URLResolver):
            return URLResolver(
                entry.pattern,
                cast("Any", _MarkedURLs(entry.urlconf_module, self._mark)),
                entry.default_kwargs,
                entry.app_name,
                entry.namespace,
            )
        if mark_on(entry.callback) is not UNMARKED:
            return entry
        view = _wrap(entry.callback, self._mark, of_several=True)
        return URLPattern(entry.pattern, view, entry.default_args, entry.name)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._urls, name)


def views_below(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield all views of a URLconf, each with the patterns that lead to it."""
    for entry in resolver.url_patterns:
        path = f"{prefix}{entry.pattern}"
        if isinstance(entry, URLResolver):
            yield from views_below(entry, path)
        else:
            yield path, entry.callback


def marked_views() -> Iterator[tuple[str, CORSPolicy | None]]:
    """Yield the patterns and the policy of each decorated view of ``ROOT_URLCONF``, in their order.

    A method stands before the patterns if it has a policy of its own; the policy of an exempt view
    is ``None``.
    """
    for path, view in views_below(get_resolver()):
        mark: Any = mark_on(view)
        if mark is not UNMARKED:
            yield f"/{path}", mark
        view_class = class_of(view)
        for name in () if view_class is None else view_class.http_method_names:
            of_method: Any = mark_on(handler_of(view, name))
            if of_method is not UNMARKED and of_method is not mark:
                yield f"{name.upper()} /{path}", of_method


def mark_of(request: HttpRequest) -> object:
    """Return what a decorator says about the view of a request, resolved or not.

    That is a `CORSPolicy`; ``None`` if the view is exempt; `UNMARKED` if no decorator says anything
    or no view has the URL. A preflight request has the URL of the request that it asks about, and
    so the same view. When the view has run, a decorator counts also where another one hid it from
    the URLconf, and that of an error handler for the response that it made.
    """
    mark: object = UNMARKED
    if not marks.exist:
        return mark
    if (match := request.resolver_match) is None:
        # A path converter may raise what it likes; Django meets it too, and answers it.
        with contextlib.suppress(Exception), _language_of(request):
            match = resolve(request.path_info, getattr(request, "urlconf", None))
    if match is not None:
        of_method = mark_on(handler_of(match.func, _announced_method(request)))
        mark = mark_on(match.func)
        if of_method is not UNMARKED:
            return of_method
        if mark is not UNMARKED and not getattr(match.func, _OF_SEVERAL, False):
            return mark
    ran = getattr(request, _RAN, mark)
    if match is not None and ran is not mark:
        _tell_once(match._func_path)
    return ran


def _language_of(request: HttpRequest) -> contextlib.AbstractContextManager[None]:
    """Return the language that Django's middleware would choose: patterns may begin with it."""
    if _LOCALE_MIDDLEWARE not in settings.MIDDLEWARE:
        return contextlib.nullcontext()
    urlconf = getattr(request, "urlconf", None) or settings.ROOT_URLCONF
    has_prefixes, has_default_prefix = is_language_prefix_patterns_used(urlconf)
    language = translation.get_language_from_request(request, check_path=has_prefixes)
    if has_prefixes and not has_default_prefix:
        language = translation.get_language_from_path(request.path_info) or settings.LANGUAGE_CODE
    return translation.override(language)


def _tell_once(view: str) -> None:
    if view not in marks.told:
        marks.told.add(view)
        message = (
            "another decorator hides cors from the URLconf, or an error handler has it: its policy "
            "decides about the responses, but not about preflight requests, nor does its guard"
        )
        hint = "put cors outside of the other decorator, or use functools.wraps in that"
        log_warnings([CORSConfigProblem("option.conflict", "warning", "cors", view, message, hint)])


def mark_on(view: object) -> object:
    """Return what a decorator left on a view or a method, or `UNMARKED`."""
    return getattr(view, _ATTRIBUTE, UNMARKED)


def handler_of(view: object, method: str) -> object:
    """Return the method of what ``as_view()`` made that answers an HTTP method, or ``None``."""
    view_class = class_of(view)
    if view_class is None:
        return None
    made_with: Any = getattr(view, "view_initkwargs", getattr(view, "initkwargs", None)) or {}
    name = method.lower()
    if name not in made_with.get("http_method_names", view_class.http_method_names):
        return None
    actions: Any = getattr(view, "actions", None) or {}
    names = [actions.get(name), name]
    if name == "head":
        # DRF has the action of GET answer it, Django the method `get`.
        names = [actions.get("head", actions.get("get")), "head", "get"]
    return next(filter(None, (getattr(view_class, n, None) for n in names if n)), None)


def class_of(view: object) -> Any:
    """Return the class that ``as_view()`` made a view of; ``None`` for other views."""
    found = getattr(view, "view_class", None) or getattr(view, "cls", None)
    return found if isinstance(found, type) and hasattr(found, "http_method_names") else None


def _announced_method(request: HttpRequest) -> str:
    """Return the method of the request that a preflight request announces, else its own."""
    if request.method == "OPTIONS" and "HTTP_ORIGIN" in request.META:
        announced: str = request.META.get("HTTP_ACCESS_CONTROL_REQUEST_METHOD", "OPTIONS")
        return announced
    return request.method or ""
