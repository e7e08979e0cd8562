"""Lets generated calls reach something. In those that are meant to fit the schema, most of what is made up (ids, the
licence key, a machine's nonce, the version) gives way to what an answer showed before. The rest is sent as generated."""

import json
import os
import random
import re

import schemathesis
from schemathesis import GenerationMode

ID = re.compile(r"^(prod|feat|tier|cus|lic|act|acl|file|asm|key|adm|ses|aud|sys|imp|grp)_[0-9a-hjkmnp-tv-z]{26}$")
ENDING = ("/revoke", "/suspend", "/transfer", "/rotate-key", "/deactivate")
MOST = 20  # remembered of each kind

# The demo's licence as the API shows it, with its key, and an admin with his password and a session.
known = json.loads(os.environ["LICENTIA_KNOWN"])
demo, admin = known["license"], known["admin"]

chance = random.Random(1)
shown = {}  # prefix: ids, the oldest first
machines = {}  # activation: what the machine knows
kids = []
license_keys = [demo["licenseKey"]]


@schemathesis.serializer("application/x-ndjson")
def rows(_context, value):
    return value if isinstance(value, bytes) else str(value).encode()


@schemathesis.hook
def before_call(_context, case, **_call):
    spare(case)
    if case.meta is None or case.meta.generation.mode != GenerationMode.POSITIVE:
        return
    case.path_parameters = reaching(case.path_parameters)
    spare(case)
    if "kid" in (case.path_parameters or {}) and kids and chance.random() < 0.7:
        case.path_parameters["kid"] = chance.choice(kids)
    case.query = reaching(case.query)
    case.body = reaching(case.body)
    if "If-Match" in (case.headers or {}) and chance.random() < 0.7:
        case.headers["If-Match"] = "*"
    if isinstance(case.body, dict) and {"productId", "tierId"} <= case.body.keys() and chance.random() < 0.7:
        case.body.update(productId=demo["productId"], tierId=demo["tierId"])
    if case.path.endswith("/auth/login") and chance.random() < 0.7:
        case.body = {"email": admin["email"], "password": admin["password"]}
    if isinstance(case.body, dict) and machines and chance.random() < 0.7:
        as_machine(case, list(machines.values())[-1])


def spare(case):
    """What the other calls need is not ended: something else of its kind is."""
    of_admin = case.path.startswith("/api/v1/admins/{id}") and case.method != "GET"
    if not of_admin and case.method != "DELETE" and not case.path.endswith(ENDING):
        return
    needed = [admin["id"], admin["sessionId"], demo["id"], demo["productId"], demo["tierId"], *list(machines)[-1:]]
    given = (case.path_parameters or {}).get("id")
    if given in needed:
        prefix = given.partition("_")[0]
        others = [one for one in shown.get(prefix, []) if one not in needed]
        case.path_parameters["id"] = chance.choice([*others, f"{prefix}_01h455vb4pex5vsknk084sn02q"])


def reaching(value):
    """The same, with ids of things that there are."""
    if isinstance(value, dict):
        return {name: reaching_key(member) if name == "licenseKey" else reaching(member) for name, member in value.items()}
    if isinstance(value, list):
        return [reaching(member) for member in value]
    match = ID.match(value) if isinstance(value, str) else None
    if match and shown.get(match[1]) and chance.random() < 0.8:
        return chance.choice(shown[match[1]])
    return value


def reaching_key(value):
    return chance.choice(license_keys) if isinstance(value, str) and chance.random() < 0.8 else value


def as_machine(case, machine):
    """As the machine would call: with its fingerprint and its last nonce."""
    if case.path.endswith("/license-activations/activate"):
        return
    case.body = {name: machine.get(name, member) for name, member in case.body.items()}


@schemathesis.hook
def after_call(_context, case, response):
    if response.status_code in (404, 409, 410) and isinstance(case.body, dict):
        machines.pop(case.body.get("activationId"), None)
    if not 200 <= response.status_code < 300 or b"{" != response.content[:1]:
        return
    answer = response.json()
    remember_ids(answer)
    if isinstance(answer.get("licenseKey"), str) and len(license_keys) < MOST:
        license_keys.append(answer["licenseKey"])
    if isinstance(answer.get("nonce"), str) and isinstance(case.body, dict):
        remember_machine(case.body, answer)


def remember_ids(value):
    if isinstance(value, dict) and isinstance(value.get("kid"), str) and value["kid"] not in kids:
        kids.append(value["kid"])
        del kids[:-MOST]
    for member in value.values() if isinstance(value, dict) else value:
        if isinstance(member, (dict, list)):
            remember_ids(member)
        elif isinstance(member, str) and (match := ID.match(member)):
            ids = shown.setdefault(match[1], [])
            if member not in ids:
                ids.append(member)
                del ids[:-MOST]


def remember_machine(sent, answer):
    activation = sent.get("activationId") or answer.get("activation", {}).get("id")
    if activation not in machines and len(machines) >= MOST:
        del machines[next(iter(machines))]
    machine = machines.setdefault(activation, {})
    machine.update({name: sent[name] for name in ("fingerprint", "licenseKey") if name in sent})
    machine.update({name: answer[name] for name in ("nonce", "token") if isinstance(answer.get(name), str)})
    machine["activationId"] = activation
