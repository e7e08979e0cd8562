// A Node program that verifies Licentia tokens for as long as it runs, with the keys cached as jose does it.
//
// Its clock is what the test says, for the cache and for the tokens, so that months pass in seconds.
//
// LICENTIA_TEST_NODE_MODULES names the node_modules folder that holds `jose`.
//
// stdin   one JSON object a line. First {"issuer": URL, "audience": slug, "options": {of createRemoteJWKSet}},
//         then {"now": seconds since the epoch, "tokens": [token, …]}
// stdout  for each line but the first {"errors": [null | text, …], "fetches": [when the keys were fetched, …]}

import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const { resolve } = createRequire(join(process.env.LICENTIA_TEST_NODE_MODULES ?? process.cwd(), 'follow.cjs'));
const { createRemoteJWKSet, customFetch, jwtVerify } = await import(pathToFileURL(resolve('jose')));

let now = 0;
const fetches = [];

async function follow({ issuer, audience, options }) {
  const response = await fetch(`${issuer}/.well-known/openid-configuration`);
  const counted = (...request) => {
    fetches.push(now);
    return fetch(...request);
  };
  const keys = createRemoteJWKSet(new URL((await response.json()).jwks_uri), { ...options, [customFetch]: counted });
  return async (token) => {
    const rules = { issuer, audience, algorithms: ['RS256'], currentDate: new Date(now * 1000) };
    try {
      await jwtVerify(token, keys, rules);
      return null;
    } catch (error) { // whatever the library throws means that it refused the token
      return `${error.name}: ${error.message}`;
    }
  };
}

let verify;
for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  if (verify === undefined) {
    verify = await follow(asked);
    Date.now = () => now * 1000;
    continue;
  }
  now = asked.now;
  const errors = [];
  for (const token of asked.tokens) errors.push(await verify(token));
  process.stdout.write(`${JSON.stringify({ errors, fetches })}\n`);
}
