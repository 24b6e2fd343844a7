"""What the tables call the things that are measured."""

NO_APP = "making the request"
BARE = "bare app"
FLOOR = "native floor"
EMPTY = "empty middleware"
WRAPPER = "empty wrapper"
CORSAC = "Corsac"
STARLETTE = "Starlette"
FLASK_CORS = "flask-cors"
DJANGO_CORS_HEADERS = "django-cors-headers"
BARES = ("bare", "Flask alone", "Django alone", "Starlette alone")
ONES = ("1 worker", "1 thread")
DJANGO_BY_HAND = "two headers by hand"
IN_STARLETTE = "Corsac in Starlette"
IN_FLASK, IN_DJANGO = "Corsac in Flask", "Corsac in Django"
