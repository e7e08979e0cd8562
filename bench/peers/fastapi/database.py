"""The machines: their tables, mapped to objects, and the seeding. `fastapi-core` takes the tables out of it and leaves
the objects."""

import json
import os
from contextlib import closing
from pathlib import Path

from sqlalchemy import JSON, Engine, ForeignKey, create_engine, event
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

SEATS = 3  # machines of a licence
LOCK_TIMEOUT = 30  # seconds; the driver's 5 are too few for 128 clients, whose heartbeats then fail


class Base(DeclarativeBase):
    pass


class License(Base):
    __tablename__ = "license"

    id: Mapped[str] = mapped_column(primary_key=True)
    claims: Mapped[dict] = mapped_column(JSON)


class Activation(Base):
    __tablename__ = "activation"

    id: Mapped[str] = mapped_column(primary_key=True)
    license_id: Mapped[str] = mapped_column(ForeignKey("license.id"))
    fingerprint: Mapped[str]
    generation: Mapped[int] = mapped_column()
    request_id: Mapped[str | None]
    last_contact_at: Mapped[int | None]
    license: Mapped[License] = relationship()

    # The mapper updates only the generation that it read: of two heartbeats with one nonce, one fails.
    __mapper_args__ = {"version_id_col": generation, "version_id_generator": False}


def claims_of(owner: str) -> dict:
    """What a token says of the licence: the same for all of its machines, so it is kept as it goes into the token."""
    return {
        "sub": f"cus_{owner}",
        "aud": "photo-studio",
        "license_id": f"lic_{owner}",
        "license_exp": 1924992000,
        "tier": "professional",
        "tiers": ["professional", "standard", "free"],
        "features": ["batch", "cloud-sync", "export-raw", "layers", "scripting"],
        "feature_values": {"cloud-storage-gb": 100},
        "max_users": 5,
        "max_activations": SEATS,
        "heartbeat_required": True,
        "heartbeat_interval": 86400,
        "enforcement": "block",
    }


def make_durable(connection, _record) -> None:
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")
    read = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
    if read != ["wal", 2]:
        raise RuntimeError(f"SQLite is not durable: {read}")


def seed(engine: Engine, machines: int) -> None:
    """Past SQLAlchemy, row by row, so that a million rows take seconds and no memory."""
    owners = (f"{n:012}" for n in range(-(-machines // SEATS)))
    licenses = ((f"lic_{owner}", json.dumps(claims_of(owner))) for owner in owners)
    activations = ((f"act_{n:012}", f"lic_{n // SEATS:012}", f"machine-{n:012}") for n in range(machines))
    with closing(engine.raw_connection()) as connection:
        cursor = connection.cursor()
        cursor.executemany("INSERT INTO license (id, claims) VALUES (?, ?)", licenses)
        cursor.executemany(
            "INSERT INTO activation (id, license_id, fingerprint, generation) VALUES (?, ?, ?, 0)", activations
        )
        connection.commit()
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def open_database(**pool) -> Engine:
    """A new file, DATABASE with MACHINES rows, in place of whatever was there; `pool` as `create_engine` takes it."""
    path = os.environ["DATABASE"]
    for suffix in ("", "-wal", "-shm"):
        Path(path + suffix).unlink(missing_ok=True)
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": LOCK_TIMEOUT}, **pool)
    event.listen(engine, "connect", make_durable)
    Base.metadata.create_all(engine)
    seed(engine, int(os.environ["MACHINES"]))
    return engine
