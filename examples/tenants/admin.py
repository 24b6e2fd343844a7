"""The routes by which domains come and go; whoever calls them has the token."""

from __future__ import annotations

import os
import secrets
from typing import Annotated

import domains
import psycopg
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

import corsac

DATABASE = os.environ["DATABASE"]
TOKEN = os.environ["ADMIN_TOKEN"]


def check_token(given: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]) -> None:
    """Refuse who has not the token."""
    if not secrets.compare_digest(given.credentials.encode(), TOKEN.encode()):
        raise HTTPException(403, "another token")


router = APIRouter(prefix="/customers", dependencies=[Depends(check_token)])


@router.put("/{customer}/domains/{domain}", status_code=204)
async def add(customer: str, domain: str) -> None:
    """Give a customer a domain, if its pages have an origin that a policy can have."""
    if "*" in domain:
        raise HTTPException(422, "one domain, not a pattern")
    try:
        corsac.CORSPolicy(allow_origins=[f"https://{domain}"], allow_credentials=True)
    except corsac.CORSConfigError as error:
        raise HTTPException(422, [problem.message for problem in error.problems]) from None
    if not await domains.add(DATABASE, customer, domain):
        raise HTTPException(409, "it is another customer's")


@router.delete("/{customer}/domains/{domain}", status_code=204)
async def remove(customer: str, domain: str) -> None:
    """Take a domain from a customer; its pages may then read no more."""
    await domains.remove(DATABASE, customer, domain)


def install(app: FastAPI) -> None:
    """Add the routes, and an answer for as long as there is no database."""
    app.include_router(router)

    @app.exception_handler(psycopg.OperationalError)
    async def unavailable(_: Request, error: Exception) -> Response:
        return Response("the database is away", 503, {"Retry-After": "5"})
