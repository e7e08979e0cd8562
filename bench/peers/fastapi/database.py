"""The machines: seeding, and the heartbeat's one durable row update."""

import json
from contextlib import closing
from pathlib import Path

from sqlalchemy import Column, Engine, ForeignKey, Integer, MetaData, Row, Table, Text
from sqlalchemy import bindparam, create_engine, event, select, update

SEATS = 3  # machines of a licence

METADATA = MetaData()
LICENSE = Table("license", METADATA, Column("id", Text, primary_key=True), Column("claims", Text, nullable=False))
ACTIVATION = Table(
    "activation",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("license_id", Text, ForeignKey("license.id"), nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("request_id", Text),
    Column("last_contact_at", Integer),
)

# Made once: SQLAlchemy keeps their SQL, the driver their statements.
LIST = (
    select(ACTIVATION.c.id, ACTIVATION.c.fingerprint, ACTIVATION.c.generation)
    .order_by(ACTIVATION.c.id)
    .limit(bindparam("count"))
)
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
        cursor.executemany("INSERT INTO license VALUES (?, ?)", licenses)
        cursor.executemany("INSERT INTO activation VALUES (?, ?, ?, 0, NULL, NULL)", activations)
        connection.commit()
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def open_database(path: str, machines: int) -> Engine:
    """A new file in place of whatever was there. One connection: SQLite has one writer, and waiting in the pool's queue
    is cheaper and fairer than polling for the file's lock."""
    for suffix in ("", "-wal", "-shm"):
        Path(path + suffix).unlink(missing_ok=True)
    engine = create_engine(f"sqlite:///{path}", pool_size=1, max_overflow=0)
    event.listen(engine, "connect", make_durable)
    METADATA.create_all(engine)
    seed(engine, machines)
    return engine


def list_machines(engine: Engine, count: int) -> list[Row]:
    with engine.connect() as connection:
        return connection.execute(LIST, {"count": count}).all()


def is_known(engine: Engine, activation_id: str) -> bool:
    with engine.connect() as connection:
        return connection.execute(KNOWN, {"activation_id": activation_id}).first() is not None


def advance(engine: Engine, given: dict) -> Row | None:
    """The row as it is now; none unless id, fingerprint and generation are those of the row. Committed on return."""
    with engine.begin() as connection:
        return connection.execute(ADVANCE, given).first()
