// What a licence server's heartbeat costs on Express, jose and better-sqlite3: the nonce is checked and rotated
// durably (SQLite, WAL, synchronous=FULL, one commit a request), then an RS256 token is signed.
//
// As well as the stack allows: Express 5 in production mode without its ETags, no logging, statements prepared once,
// the key made once, one statement a heartbeat, signatures on libuv's threads. One process.
//
// Not here: licence states, seats, retried requests, limits, audit, everything else.

import express from 'express';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from 'jose';
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { machineStore, openDatabase } from './database.mjs';

const TOKEN_TTL = 48 * 3600;
const OFFLINE_GRACE = 7 * 86400;
const BACKDATE = 60;

const { DATABASE, MACHINES, PORT } = process.env;
const issuer = `http://127.0.0.1:${PORT}`;
const machines = machineStore(openDatabase(DATABASE, Number(MACHINES)));

const chainKey = randomBytes(32);
const { publicKey, privateKey } = await generateKeyPair('RS256', { modulusLength: 2048 });
const jwk = await exportJWK(publicKey);
const kid = await calculateJwkThumbprint(jwk);
const header = { alg: 'RS256', typ: 'JWT', kid };
const jwks = { keys: [{ ...jwk, kid, alg: 'RS256', use: 'sig' }] };

// Generation and its MAC, so that garbage dies before the database.
function nonceOf(id, generation) {
  const mac = createHmac('sha256', chainKey).update(`${id}.${generation}`).digest('base64url');
  return `${generation}.${mac}`;
}

// The generation that a nonce of this activation speaks of; undefined for what we never gave out.
function generationOf(id, nonce) {
  const generation = Number.parseInt(nonce, 10);
  const given = Buffer.from(nonce);
  const ours = Buffer.from(nonceOf(id, generation));
  return given.length === ours.length && timingSafeEqual(given, ours) ? generation : undefined;
}

function sign({ claims, generation }, activationId, fingerprint, now) {
  const license = JSON.parse(claims);
  const exp = now + TOKEN_TTL;
  const token = new SignJWT({
    ...license,
    iss: issuer,
    iat: now - BACKDATE,
    nbf: now - BACKDATE,
    exp,
    jti: `${activationId}.0.${generation}`,
    activation_id: activationId,
    refresh_after: now - BACKDATE + license.heartbeat_interval,
    stale_until: now + OFFLINE_GRACE,
    environment: 'production',
    product_version: '1.0.0',
    fingerprint: createHash('sha256').update(`${license.license_id}.${fingerprint}`).digest('base64url'),
  });
  return token.setProtectedHeader(header).sign(privateKey);
}

async function heartbeat(request, response) {
  const { activationId, fingerprint, nonce, requestId } = request.body ?? {};
  if (![activationId, fingerprint, nonce, requestId].every((text) => typeof text === 'string')) {
    return response.status(422).json({ code: 'VALIDATION_FAILED' });
  }
  const generation = generationOf(activationId, nonce);
  if (generation === undefined) return response.status(409).json({ code: 'NONCE_INVALID' });

  const now = Math.floor(Date.now() / 1000);
  const row = machines.advance(activationId, fingerprint, generation, requestId, now);
  if (row === undefined) {
    return machines.isKnown(activationId)
      ? response.status(409).json({ code: 'NONCE_REUSED' })
      : response.status(404).json({ code: 'NOT_FOUND' });
  }
  return response.json({
    status: 'active',
    token: await sign(row, activationId, fingerprint, now),
    nonce: nonceOf(activationId, row.generation),
    expiresAt: new Date((now + TOKEN_TTL) * 1000).toISOString(),
  });
}

function listMachines(request, response) {
  const rows = machines.list(Number(request.query.count ?? 1));
  response.json(rows.map(({ id, fingerprint, generation }) =>
    ({ activationId: id, fingerprint, nonce: nonceOf(id, generation) })));
}

const app = express();
app.disable('x-powered-by');
app.disable('etag');
app.post('/api/v1/license-keys/heartbeat', express.json({ limit: '16kb' }), heartbeat);
app.get('/.well-known/jwks.json', (request, response) => response.json(jwks));
app.get('/machines', listMachines);
app.get('/health', (request, response) => response.json({ status: 'ok' }));
app.listen(Number(PORT), '127.0.0.1');
