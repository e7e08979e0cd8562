"""What goes over the wire: requests, nonces, RS256 tokens (RSA by `cryptography`). `fastapi-core` uses it too."""

import hashlib
import hmac
import json
import os
import secrets
from base64 import urlsafe_b64encode
from datetime import datetime, timezone

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

TOKEN_TTL = 48 * 3600
OFFLINE_GRACE = 7 * 86400
BACKDATE = 60
ISSUER = f"http://127.0.0.1:{os.environ['PORT']}"


def base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


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


def sign(granted: dict, machine: Machine, generation: int, now: int) -> str:
    fingerprint = f"{granted['license_id']}.{machine.fingerprint}".encode()
    claims = granted | {
        "iss": ISSUER,
        "iat": now - BACKDATE,
        "nbf": now - BACKDATE,
        "exp": now + TOKEN_TTL,
        "jti": f"{machine.activation_id}.0.{generation}",
        "activation_id": machine.activation_id,
        "refresh_after": now - BACKDATE + granted["heartbeat_interval"],
        "stale_until": now + OFFLINE_GRACE,
        "environment": "production",
        "product_version": "1.0.0",
        "fingerprint": base64url(hashlib.sha256(fingerprint).digest()),
    }
    return jwt.encode(claims, private_key, algorithm="RS256", headers={"kid": kid})


def respond(granted: dict, machine: Machine, generation: int, now: int) -> HeartbeatResponse:
    """To a heartbeat that is committed: `granted` are the licence's claims, `generation` is the new one."""
    return HeartbeatResponse(
        status="active",
        token=sign(granted, machine, generation, now),
        nonce=nonce_of(machine.activation_id, generation),
        expires_at=datetime.fromtimestamp(now + TOKEN_TTL, timezone.utc),
    )
