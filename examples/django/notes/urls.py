"""The paths of the project."""

from django.urls import path

from notes import views

urlpatterns = [
    path("notes/", views.notes),
    path("version", views.version),
    path("hook", views.hook),
    path("health", views.health),
    path("broken", views.broken),
]
