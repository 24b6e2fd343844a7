"""Three views: under the policy of the settings, with one of its own, and left alone."""

from django.http import HttpRequest, HttpResponse, JsonResponse

from corsac.django import cors, cors_exempt


async def notes(request: HttpRequest) -> HttpResponse:
    """The notes; the policy of the settings decides who may read them."""
    return JsonResponse(["milk", "eggs"], safe=False, headers={"etag": '"1"'})


@cors(allow_origins=["*"])
def version(request: HttpRequest) -> HttpResponse:
    """Anyone may read the version, without credentials."""
    return JsonResponse({"version": 1})


@cors_exempt
def hook(request: HttpRequest) -> HttpResponse:
    """Called by servers, not by pages."""
    return HttpResponse(status=204)


def health(request: HttpRequest) -> HttpResponse:
    """A rule of the settings leaves the path alone."""
    return HttpResponse("ok", content_type="text/plain")


def broken(request: HttpRequest) -> HttpResponse:
    """Pages see the status of an error too."""
    message = "this view always fails"
    raise RuntimeError(message)
