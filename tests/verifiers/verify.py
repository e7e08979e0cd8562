#!/usr/bin/env python3
"""Verifies Licentia tokens as a customer's Python program would: with the issuer's URL, the audience and RS256.

Usage: verify.py {pyjwt|joserfc|decrypt}

stdin   {"issuer": URL, "audience": slug, "tokens": [{"name": …, "token": …}]}; `decrypt` also takes "privateKeyPem"
        and expects JWEs, which joserfc opens and verifies
stdout  {"results": [{"name": …, "accepted": true, "claims": {…}} | {"name": …, "accepted": false, "error": …}]}

A failure to fetch the keys ends the program with an error: it must not look like a refused token.
"""

import json
import sys
import urllib.request


def fetch(url):
    with urllib.request.urlopen(url, timeout=10) as response:
        return json.load(response)


def jwks_uri(issuer):
    return fetch(f"{issuer}/.well-known/openid-configuration")["jwks_uri"]


def pyjwt(given):
    import jwt

    keys = jwt.PyJWKClient(jwks_uri(given["issuer"]))
    keys.get_signing_keys()

    def verify(token):
        key = keys.get_signing_key_from_jwt(token)
        return jwt.decode(token, key, algorithms=["RS256"], issuer=given["issuer"], audience=given["audience"])

    return verify


def joserfc(given):
    from joserfc import jwt
    from joserfc.jwk import KeySet

    keys = KeySet.import_key_set(fetch(jwks_uri(given["issuer"])))
    rules = jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": given["issuer"]},
        aud={"essential": True, "value": given["audience"]},
    )

    def verify(token):
        claims = jwt.decode(token, keys, algorithms=["RS256"]).claims
        rules.validate(claims)
        return claims

    return verify


def decrypt(given):
    from joserfc import jwe
    from joserfc.jwk import RSAKey

    key = RSAKey.import_key(given["privateKeyPem"])
    verify = joserfc(given)

    def decrypt_and_verify(token):
        opened = jwe.decrypt_compact(token, key, algorithms=["RSA-OAEP", "RSA-OAEP-256", "A256CBC-HS512"])
        return verify(opened.plaintext.decode())

    return decrypt_and_verify


def judge(verify, name, token):
    try:
        return {"name": name, "accepted": True, "claims": verify(token)}
    except Exception as error:  # whatever a library raises means that it refused the token
        return {"name": name, "accepted": False, "error": f"{type(error).__name__}: {error}"}


def main():
    modes = {"pyjwt": pyjwt, "joserfc": joserfc, "decrypt": decrypt}
    if len(sys.argv) != 2 or sys.argv[1] not in modes:
        sys.exit("usage: verify.py {pyjwt|joserfc|decrypt}")
    given = json.load(sys.stdin)
    verify = modes[sys.argv[1]](given)
    json.dump({"results": [judge(verify, entry["name"], entry["token"]) for entry in given["tokens"]]}, sys.stdout)


if __name__ == "__main__":
    main()
