"""What a licence server's heartbeat costs on FastAPI, PyJWT and SQLAlchemy, written as tutorials and most services
write it: an object that the mapper loads, changes and saves, a session for each request by `Depends(get_db)`, the
default pool, a `def` endpoint in FastAPI's own threads. The nonce is checked and rotated durably (SQLite, WAL,
synchronous=FULL, one commit a request), then an RS256 token is signed.

Not here: licence states, seats, retried requests, limits, audit, everything else.
"""

import time
from collections.abc import Iterator

from fastapi import Depends, FastAPI, HTTPException
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.orm.exc import StaleDataError

from database import Activation, open_database
from protocol import HeartbeatRequest, HeartbeatResponse, generation_of, respond
from surroundings import surroundings

engine = open_database()
# Nothing is read after the commit: a session that does holds a connection while FastAPI waits for a thread to check the
# answer, and with 128 clients threads and pool wait for each other until the pool gives up after 30 s.
SessionLocal = sessionmaker(engine, expire_on_commit=False)
app = FastAPI()
app.include_router(surroundings(engine))


def get_db() -> Iterator[Session]:
    db = SessionLocal()
    try:
        yield db
    finally:
        db.close()


@app.post("/api/v1/license-keys/heartbeat")
def heartbeat(request: HeartbeatRequest, db: Session = Depends(get_db)) -> HeartbeatResponse:
    generation = generation_of(request.activation_id, request.nonce)
    if generation is None:
        raise HTTPException(409, "NONCE_INVALID")
    activation = db.get(Activation, request.activation_id)
    if activation is None:
        raise HTTPException(404, "NOT_FOUND")
    if (activation.fingerprint, activation.generation) != (request.fingerprint, generation):
        raise HTTPException(409, "NONCE_REUSED")

    claims = activation.license.claims
    now = int(time.time())
    activation.generation += 1
    activation.request_id = request.request_id
    activation.last_contact_at = now
    try:
        db.commit()
    except StaleDataError:
        raise HTTPException(409, "NONCE_REUSED") from None
    return respond(claims, request, activation.generation, now)
