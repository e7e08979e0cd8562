#!/usr/bin/env python3
"""A Python program that verifies Licentia tokens for as long as it runs, with the keys cached as PyJWT does it.

Its clock is what the test says, for the cache and for the tokens, so that months pass in seconds.

stdin   one JSON object a line. First {"issuer": URL, "audience": slug, "options": {keyword arguments of PyJWKClient}},
        then {"now": seconds since the epoch, "tokens": [token, …]}
stdout  for each line but the first {"errors": [null | text, …], "fetches": [when the keys were fetched, …]}
"""

import datetime
import json
import sys
import types
import urllib.request

import jwt
import jwt.api_jwk
import jwt.api_jwt
import jwt.jwk_set_cache
import jwt.jwks_client

now = 0


class Datetime(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(now, tz)


class Client(jwt.PyJWKClient):
    fetches = []

    def fetch_data(self):
        self.fetches.append(now)
        return super().fetch_data()


def set_clock():
    clock = types.SimpleNamespace(monotonic=lambda: now)
    for module in (jwt.api_jwk, jwt.jwk_set_cache, jwt.jwks_client):
        assert hasattr(module, "time"), f"{module.__name__} looks at another clock"
        module.time = clock
    jwt.api_jwt.datetime = Datetime


def verify(given, keys, token):
    try:
        key = keys.get_signing_key_from_jwt(token)
        jwt.decode(token, key, algorithms=["RS256"], issuer=given["issuer"], audience=given["audience"])
        return None
    except Exception as error:  # whatever the library raises means that it refused the token
        return f"{type(error).__name__}: {error}"


def main():
    global now
    given = json.loads(sys.stdin.readline())
    with urllib.request.urlopen(f"{given['issuer']}/.well-known/openid-configuration", timeout=10) as response:
        keys = Client(json.load(response)["jwks_uri"], **given["options"])
    set_clock()
    for line in sys.stdin:
        asked = json.loads(line)
        now = asked["now"]
        errors = [verify(given, keys, token) for token in asked["tokens"]]
        print(json.dumps({"errors": errors, "fetches": keys.fetches}), flush=True)


if __name__ == "__main__":
    main()
