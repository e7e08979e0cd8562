"""What a licence server's heartbeat costs on FastAPI, PyJWT and SQLAlchemy: the nonce is checked and rotated durably
(SQLite, WAL, synchronous=FULL, one commit a request), then an RS256 token is signed (RSA by `cryptography`).

As well as the stack allows: uvicorn on uvloop and httptools, no logging, SQLAlchemy's core without its object mapper,
statements made once, the key made once, one statement a heartbeat, the handler in a few threads (`def`, as FastAPI asks
for what blocks). One worker.

Not here: licence states, seats, retried requests, limits, audit, everything else.
"""

import hashlib
import hmac
import json
import os
import secrets
import time
from base64 import urlsafe_b64encode
from contextlib import asynccontextmanager
from datetime import datetime, timezone

import jwt
from anyio import to_thread
from cryptography.hazmat.primitives.asymmetric import rsa
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

import database

TOKEN_TTL = 48 * 3600
OFFLINE_GRACE = 7 * 86400
BACKDATE = 60
ISSUER = f"http://127.0.0.1:{os.environ['PORT']}"


def base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


engine = database.open_database(os.environ["DATABASE"], int(os.environ["MACHINES"]))
chain_key = secrets.token_bytes(32)
private_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
jwk = jwt.algorithms.RSAAlgorithm.to_jwk(private_key.public_key(), as_dict=True)
thumbprint = json.dumps({name: jwk[name] for name in ("e", "kty", "n")}, separators=(",", ":"))  # RFC 7638
kid = base64url(hashlib.sha256(thumbprint.encode()).digest())
jwks = {"keys": [{"kty": "RSA", "n": jwk["n"], "e": jwk["e"], "kid": kid, "alg": "RS256", "use": "sig"}]}


class Wire(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class Machine(Wire):
    activation_id: str
    fingerprint: str
    nonce: str


class HeartbeatRequest(Machine):
    request_id: str


class HeartbeatResponse(Wire):
    status: str
    token: str
    nonce: str
    expires_at: datetime


def nonce_of(activation_id: str, generation: int) -> str:
    """Generation and its MAC, so that garbage dies before the database."""
    mac = hmac.digest(chain_key, f"{activation_id}.{generation}".encode(), "sha256")
    return f"{generation}.{base64url(mac)}"


def generation_of(activation_id: str, nonce: str) -> int | None:
    """The generation that a nonce of this activation speaks of; none for what we never gave out."""
    generation = nonce.partition(".")[0]
    if not generation.isdecimal():
        return None
    ours = nonce_of(activation_id, int(generation))
    return int(generation) if hmac.compare_digest(ours.encode(), nonce.encode()) else None


def sign(row, machine: Machine, now: int) -> str:
    granted = json.loads(row.claims)
    fingerprint = f"{granted['license_id']}.{machine.fingerprint}".encode()
    claims = granted | {
        "iss": ISSUER,
        "iat": now - BACKDATE,
        "nbf": now - BACKDATE,
        "exp": now + TOKEN_TTL,
        "jti": f"{machine.activation_id}.0.{row.generation}",
        "activation_id": machine.activation_id,
        "refresh_after": now - BACKDATE + granted["heartbeat_interval"],
        "stale_until": now + OFFLINE_GRACE,
        "environment": "production",
        "product_version": "1.0.0",
        "fingerprint": base64url(hashlib.sha256(fingerprint).digest()),
    }
    return jwt.encode(claims, private_key, algorithm="RS256", headers={"kid": kid})


@asynccontextmanager
async def few_threads(_app: FastAPI):
    """Four threads for the blocking handlers: of the usual forty, most wait for the database and for each other."""
    to_thread.current_default_thread_limiter().total_tokens = 4
    yield


app = FastAPI(openapi_url=None, lifespan=few_threads)


@app.post("/api/v1/license-keys/heartbeat")
def heartbeat(request: HeartbeatRequest) -> HeartbeatResponse:
    generation = generation_of(request.activation_id, request.nonce)
    if generation is None:
        raise HTTPException(409, "NONCE_INVALID")
    now = int(time.time())
    given = {
        "activation_id": request.activation_id,
        "machine": request.fingerprint,
        "current": generation,
        "request": request.request_id,
        "now": now,
    }
    row = database.advance(engine, given)
    if row is None:
        known = database.is_known(engine, request.activation_id)
        raise HTTPException(409, "NONCE_REUSED") if known else HTTPException(404, "NOT_FOUND")
    return HeartbeatResponse(
        status="active",
        token=sign(row, request, now),
        nonce=nonce_of(request.activation_id, row.generation),
        expires_at=datetime.fromtimestamp(now + TOKEN_TTL, timezone.utc),
    )


@app.get("/.well-known/jwks.json")
async def key_set() -> dict:
    return jwks


@app.get("/machines")
def list_machines(count: int = 1) -> list[Machine]:
    rows = database.list_machines(engine, count)
    return [
        Machine(activation_id=row.id, fingerprint=row.fingerprint, nonce=nonce_of(row.id, row.generation))
        for row in rows
    ]


@app.get("/health")
async def health() -> dict:
    return {"status": "ok"}
