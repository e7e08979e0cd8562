"""The heartbeat of `../fastapi`, as cheap as the stack allows: SQLAlchemy's core without its object mapper, statements
made once, one statement a heartbeat, one connection, the handler in a few threads (`def`, as FastAPI asks for what
blocks). The same tables, the same token, the same commit a request.
"""

import time
from contextlib import asynccontextmanager

from anyio import to_thread
from fastapi import FastAPI, HTTPException
from sqlalchemy import Row, bindparam, select, update

from database import Activation, License, open_database
from protocol import HeartbeatRequest, HeartbeatResponse, generation_of, respond
from surroundings import surroundings

LICENSE = License.__table__
ACTIVATION = Activation.__table__

# Made once: SQLAlchemy keeps their SQL, the driver their statements.
KNOWN = select(ACTIVATION.c.id).where(ACTIVATION.c.id == bindparam("activation_id"))
ADVANCE = (
    update(ACTIVATION)
    .where(ACTIVATION.c.id == bindparam("activation_id"))
    .where(ACTIVATION.c.fingerprint == bindparam("machine"))
    .where(ACTIVATION.c.generation == bindparam("current"))
    .values(
        generation=ACTIVATION.c.generation + 1,
        request_id=bindparam("request"),
        last_contact_at=bindparam("now"),
    )
    .returning(
        ACTIVATION.c.generation,
        select(LICENSE.c.claims).where(LICENSE.c.id == ACTIVATION.c.license_id).scalar_subquery().label("claims"),
    )
)

# One connection: SQLite has one writer, and waiting in the pool's queue is cheaper and fairer than polling for the
# file's lock.
engine = open_database(pool_size=1, max_overflow=0)


def is_known(activation_id: str) -> bool:
    with engine.connect() as connection:
        return connection.execute(KNOWN, {"activation_id": activation_id}).first() is not None


def advance(given: dict) -> Row | None:
    """The row as it is now; none unless id, fingerprint and generation are those of the row. Committed on return."""
    with engine.begin() as connection:
        return connection.execute(ADVANCE, given).first()


@asynccontextmanager
async def few_threads(_app: FastAPI):
    """Four threads for the blocking handlers: of the usual forty, most wait for the database and for each other."""
    to_thread.current_default_thread_limiter().total_tokens = 4
    yield


app = FastAPI(openapi_url=None, lifespan=few_threads)
app.include_router(surroundings(engine))


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
    row = advance(given)
    if row is None:
        raise HTTPException(409, "NONCE_REUSED") if is_known(request.activation_id) else HTTPException(404, "NOT_FOUND")
    return respond(row.claims, request, row.generation, now)
