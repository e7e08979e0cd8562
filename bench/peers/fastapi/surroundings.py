"""What the harness asks for beside the heartbeat; never measured, and alike on both FastAPI peers."""

from fastapi import APIRouter
from sqlalchemy import Engine, select

from database import Activation
from protocol import Machine, jwks, nonce_of


def surroundings(engine: Engine) -> APIRouter:
    router = APIRouter()

    @router.get("/.well-known/jwks.json")
    async def key_set() -> dict:
        return jwks

    @router.get("/machines")
    def list_machines(count: int = 1) -> list[Machine]:
        columns = select(Activation.id, Activation.fingerprint, Activation.generation)
        with engine.connect() as connection:
            rows = connection.execute(columns.order_by(Activation.id).limit(count)).all()
        return [
            Machine(activation_id=row.id, fingerprint=row.fingerprint, nonce=nonce_of(row.id, row.generation))
            for row in rows
        ]

    @router.get("/health")
    async def health() -> dict:
        return {"status": "ok"}

    return router
