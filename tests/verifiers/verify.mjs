// Verifies Licentia tokens as a customer's Node program would: with the issuer's URL, the audience and RS256.
//
// Usage: verify.mjs [decrypt]      LICENTIA_TEST_NODE_MODULES names the node_modules folder that holds `jose`
//
// stdin   {"issuer": URL, "audience": slug, "tokens": [{"name": …, "token": …}]}; `decrypt` also takes "privateKeyPem"
//         and expects JWEs
// stdout  {"results": [{"name": …, "accepted": true, "claims": {…}} | {"name": …, "accepted": false, "error": …}]}
//
// A failure to fetch the keys ends the program with an error: it must not look like a refused token.

import { createPrivateKey } from 'node:crypto';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';

const { resolve } = createRequire(join(process.env.LICENTIA_TEST_NODE_MODULES ?? process.cwd(), 'verify.cjs'));
const { compactDecrypt, createRemoteJWKSet, jwtVerify } = await import(pathToFileURL(resolve('jose')));

async function verifier({ issuer, audience }) {
  const response = await fetch(`${issuer}/.well-known/openid-configuration`);
  const keys = createRemoteJWKSet(new URL((await response.json()).jwks_uri));
  await keys.reload();
  return async (token) => (await jwtVerify(token, keys, { issuer, audience, algorithms: ['RS256'] })).payload;
}

async function decrypter(given) {
  const verify = await verifier(given);
  const key = createPrivateKey(given.privateKeyPem);
  const pinned = {
    keyManagementAlgorithms: ['RSA-OAEP', 'RSA-OAEP-256'],
    contentEncryptionAlgorithms: ['A256CBC-HS512'],
  };
  return async (token) => {
    const { plaintext } = await compactDecrypt(token, key, pinned);
    return verify(new TextDecoder().decode(plaintext));
  };
}

async function judge(verify, { name, token }) {
  try {
    return { name, accepted: true, claims: await verify(token) };
  } catch (error) { // whatever the library throws means that it refused the token
    return { name, accepted: false, error: `${error.name}: ${error.message}` };
  }
}

const given = JSON.parse(await text(process.stdin));
const verify = await (process.argv[2] === 'decrypt' ? decrypter(given) : verifier(given));
const results = [];
for (const entry of given.tokens) results.push(await judge(verify, entry));
process.stdout.write(JSON.stringify({ results }));
