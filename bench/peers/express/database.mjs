// The machines: seeding, and the heartbeat's one durable row update.

import Database from 'better-sqlite3';
import { rmSync } from 'node:fs';

const SEATS = 3; // machines of a licence

const SCHEMA = `
  CREATE TABLE license (id TEXT PRIMARY KEY, claims TEXT NOT NULL);
  CREATE TABLE activation (
    id TEXT PRIMARY KEY,
    license_id TEXT NOT NULL REFERENCES license (id),
    fingerprint TEXT NOT NULL,
    generation INTEGER NOT NULL,
    request_id TEXT,
    last_contact_at INTEGER
  );`;

const number = (n) => String(n).padStart(12, '0');

// What a token says of the licence: the same for all of its machines, so it is kept as it goes into the token.
const claimsOf = (license) => ({
  sub: `cus_${license}`,
  aud: 'photo-studio',
  license_id: `lic_${license}`,
  license_exp: 1924992000,
  tier: 'professional',
  tiers: ['professional', 'standard', 'free'],
  features: ['batch', 'cloud-sync', 'export-raw', 'layers', 'scripting'],
  feature_values: { 'cloud-storage-gb': 100 },
  max_users: 5,
  max_activations: SEATS,
  heartbeat_required: true,
  heartbeat_interval: 86400,
  enforcement: 'block',
});

function seed(db, machines) {
  const license = db.prepare('INSERT INTO license VALUES (?, ?)');
  const activation = db.prepare('INSERT INTO activation VALUES (?, ?, ?, 0, NULL, NULL)');
  db.transaction(() => {
    for (let n = 0; n < machines; n += 1) {
      const owner = number(Math.floor(n / SEATS));
      if (n % SEATS === 0) license.run(`lic_${owner}`, JSON.stringify(claimsOf(owner)));
      activation.run(`act_${number(n)}`, `lic_${owner}`, `machine-${number(n)}`);
    }
  })();
  db.pragma('wal_checkpoint(TRUNCATE)');
}

// A new file in place of whatever was there.
export function openDatabase(path, machines) {
  for (const file of [path, `${path}-wal`, `${path}-shm`]) rmSync(file, { force: true });
  const db = new Database(path);
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL'); // better-sqlite3 comes with NORMAL, which does not sync a commit
  db.pragma('foreign_keys = ON');
  const read = [db.pragma('journal_mode', { simple: true }), db.pragma('synchronous', { simple: true })];
  if (read.join() !== 'wal,2') throw new Error(`SQLite is not durable: ${read}`);
  db.exec(SCHEMA);
  seed(db, machines);
  return db;
}

export function machineStore(db) {
  const list = db.prepare('SELECT id, fingerprint, generation FROM activation ORDER BY id LIMIT ?');
  const known = db.prepare('SELECT 1 FROM activation WHERE id = ?').pluck();
  const advance = db.prepare(`
    UPDATE activation SET generation = generation + 1, request_id = ?, last_contact_at = ?
    WHERE id = ? AND fingerprint = ? AND generation = ?
    RETURNING generation, (SELECT claims FROM license WHERE license.id = license_id) AS claims`);
  return {
    list: (count) => list.all(count),
    isKnown: (id) => known.get(id) !== undefined,
    // The row as it is now; undefined unless id, fingerprint and generation are those of the row. Committed on return.
    advance: db.transaction((id, fingerprint, generation, requestId, now) =>
      advance.get(requestId, now, id, fingerprint, generation)),
  };
}
