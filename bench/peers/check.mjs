// Tries a running peer by hand: heartbeats one after another, then on 32 connections, every token verified; and what
// must be refused. Nothing but Node is needed.
//
// Usage: node check.mjs http://127.0.0.1:PORT [pid of the server, whose CPU time is then told] [heartbeats]

import { createPublicKey, randomBytes, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';

const CONNECTIONS = 32;
const [base, pid, total = '2000'] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });

function call(path, { method = 'GET', headers = {}, body } = {}) {
  return new Promise((resolve, reject) => {
    const sent = request(new URL(path, base), { agent, method, headers }, async (response) => {
      try {
        resolve({ status: response.statusCode, body: Buffer.concat(await response.toArray()).toString() });
      } catch (error) {
        reject(error);
      }
    });
    sent.on('error', reject).end(body);
  });
}

async function json(path, expected = 200, options = {}) {
  const { status, body } = await call(path, options);
  if (status !== expected) throw new Error(`${path} answered ${status} instead of ${expected}: ${body}`);
  return JSON.parse(body);
}

async function publicKeys(path) {
  const { keys } = await json(path);
  return new Map(keys.map((key) => [key.kid, createPublicKey({ key, format: 'jwk' })]));
}

function verifyToken(keys, token) {
  const [header, payload, signature] = token.split('.');
  const { alg, kid } = JSON.parse(Buffer.from(header, 'base64url'));
  const good = alg === 'RS256'
    && verify('sha256', `${header}.${payload}`, keys.get(kid), Buffer.from(signature, 'base64url'));
  if (!good) throw new Error(`bad signature: ${token}`);
  return JSON.parse(Buffer.from(payload, 'base64url'));
}

// Tokens of the provider, by the request that it names.
async function provider(bench) {
  const keys = await publicKeys('/jwks');
  return Array.from({ length: CONNECTIONS }, () => async () => {
    const { access_token: token } = await json(bench.path, 200, bench);
    return { token, claims: verifyToken(keys, token) };
  });
}

function beat(machine, expected = 200) {
  const body = JSON.stringify({ ...machine, requestId: randomBytes(16).toString('base64url') });
  const headers = { 'content-type': 'application/json' };
  return json('/api/v1/license-keys/heartbeat', expected, { method: 'POST', headers, body });
}

// One chain of nonces a connection; a used nonce, garbage, and another machine's fingerprint are refused.
async function heartbeats() {
  const keys = await publicKeys('/.well-known/jwks.json');
  const machines = await json(`/machines?count=${CONNECTIONS}`);
  const { nonce } = await beat(machines[0]);
  await beat(machines[0], 409);
  await beat({ ...machines[0], nonce: '0.garbage' }, 409);
  machines[0].nonce = nonce;
  await beat({ ...machines[0], fingerprint: machines[1].fingerprint }, 409);
  return machines.map((machine) => async () => {
    const answer = await beat(machine);
    machine.nonce = answer.nonce;
    const claims = verifyToken(keys, answer.token);
    if (claims.activation_id !== machine.activationId) throw new Error('the token of another machine');
    return { token: answer.token, claims };
  });
}

// Milliseconds of user and system time so far: USER_HZ is 100.
function cpu() {
  if (!pid) return NaN;
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

async function measure(callers, count) {
  let left = count;
  const times = [];
  const [since, spent] = [performance.now(), cpu()];
  await Promise.all(callers.map(async (caller) => {
    while (left > 0) {
      left -= 1;
      const start = performance.now();
      await caller();
      times.push(performance.now() - start);
    }
  }));
  const seconds = (performance.now() - since) / 1000;
  times.sort((a, b) => a - b);
  const at = (share) => times[Math.floor(times.length * share)].toFixed(1);
  const each = ((cpu() - spent) * 1000 / times.length).toFixed(0);
  console.log(`${callers.length} connections: ${(times.length / seconds).toFixed(0)} a second,`
    + ` ${each} µs CPU each, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`);
}

const bench = await call('/bench');
const callers = await (bench.status === 200 ? provider(JSON.parse(bench.body)) : heartbeats());
const { token, claims } = await callers[0]();
console.log(claims, `${token.length} bytes`);
await measure(callers.slice(0, 1), Number(total));
await measure(callers, Number(total));
agent.destroy();
