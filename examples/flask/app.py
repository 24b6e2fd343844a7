"""Flask: an application-wide policy, and a view with a policy of its own.

Run it with ``python app.py`` or any WSGI server: ``gunicorn app:app``.
"""

from __future__ import annotations

import flask

from corsac.flask import CORS, cross_origin

app = flask.Flask(__name__)

CORS(
    app,
    resources={"/api/*": {"origins": ["https://app.example.com"]}},
    supports_credentials=True,
    allow_headers=["content-type"],
    expose_headers=["etag"],
    max_age=600,
)

NOTES = {"1": "milk", "2": "eggs"}


@app.get("/")
def index() -> str:
    """A page of this site; no other site reads it."""
    return "notes"


@app.get("/api/notes")
def list_notes() -> flask.Response:
    """All notes."""
    response = flask.jsonify(list(NOTES.values()))
    response.headers["ETag"] = '"1"'
    return response


@app.put("/api/notes/<number>")
def write_note(number: str) -> tuple[str, int]:
    """Change a note."""
    NOTES[number] = flask.request.get_data(as_text=True)
    return "", 204


@app.get("/api/notes/<number>/share")
@cross_origin(origins="*", supports_credentials=False)
def share_note(number: str) -> str:
    """One note, for any site."""
    return NOTES[number]


if __name__ == "__main__":
    app.run(port=8000)
