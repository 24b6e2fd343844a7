"""A Flask application whose follower is started before gunicorn forks its workers."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import flask

import corsac
from corsac.flask import CORS, install
from corsac.live import FileSource, Follower

__all__ = ["application"]

OWN = "https://app.example.com"
BASE = corsac.CORSPolicy(allow_origins=[OWN], allow_credentials=True)

application = flask.Flask("preloaded")
CORS(application, policy=BASE)
follower = Follower(install(application), FileSource(Path(os.environ["ORIGINS"])), base=BASE)
follower.start()


@application.get("/token")
def token() -> str:
    """Whose answer this is."""
    return os.environ["SMALL_APP_TOKEN"]


@application.get("/")
def state() -> str:
    """Which process answers, how it follows, and in how many threads."""
    names = sorted(thread.name.partition(" ")[0] for thread in threading.enumerate())
    return json.dumps([os.getpid(), follower.status.state, names])
