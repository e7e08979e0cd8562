// What a token costs at npm `oidc-provider`: client_credentials, an RS256 JWT access token (resource indicators,
// RFC 8707; claims of RFC 9068), its own in-memory adapter, so that nothing is written anywhere. One process, no
// logging, the key made once, nothing else switched on. `GET /bench` says which request the measurement repeats.

import { generateKeyPair, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { promisify } from 'node:util';
import Provider from 'oidc-provider';

const TOKEN_TTL = 48 * 3600;

const { PORT } = process.env;
const issuer = `http://127.0.0.1:${PORT}`;
const resource = 'urn:licentia:bench';
const client = { client_id: 'bench', client_secret: randomBytes(32).toString('base64url') };

const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 });
const provider = new Provider(issuer, {
  clients: [{
    ...client,
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
    token_endpoint_auth_method: 'client_secret_post',
  }],
  ttl: { ClientCredentials: TOKEN_TTL },
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), alg: 'RS256', use: 'sig' }] },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: () => ({
        scope: 'heartbeat',
        audience: resource,
        accessTokenTTL: TOKEN_TTL,
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: 'RS256' } },
      }),
    },
  },
});

const bench = JSON.stringify({
  path: '/token',
  method: 'POST',
  headers: { 'content-type': 'application/x-www-form-urlencoded' },
  body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'heartbeat', resource, ...client }).toString(),
});
const oidc = provider.callback();

createServer((request, response) => {
  if (request.url === '/bench') response.setHeader('content-type', 'application/json').end(bench);
  else if (request.url === '/health') response.end('ok');
  else oidc(request, response);
}).listen(Number(PORT), '127.0.0.1');
