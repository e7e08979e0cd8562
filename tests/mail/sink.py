#!/usr/bin/env python3
"""A mail server for tests: it takes letters by SMTP and delivers none.

stdin   one JSON object a line. First {"tls": "none" | "starttls" | "implicit", "certificate": path, "key": path,
        "login": [name, password] | null}; then commands:
        {"do": "list"}            what was taken
        {"do": "mode", "mode": …} taking; holding: a letter that came is kept and not answered; silent: it is neither;
                                  dropping: it is kept, and the connection broken; closed: nobody is let in
        {"do": "held"}            waits until a letter came that is not answered
stdout  {"port": …}, then one JSON object for each command

Nobody is "refused@…"; "later@…" is let in the second time; of "sender-refused@…" nothing is taken.
"""

import asyncio
import email
import email.policy
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult


class Sink:
    def __init__(self):
        self.mode = "taking"
        self.letters = []
        self.came_before = set()
        self.connections = 0
        self.held = asyncio.Event()

    async def handle_MAIL(self, server, session, envelope, address, options):
        if address.startswith("sender-refused@"):
            return "550 5.7.1 you are not let in"
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("refused@"):
            return "550 5.1.1 no such mailbox"
        if address.startswith("later@") and address not in self.came_before:
            self.came_before.add(address)
            return "451 4.7.1 greylisted, come again"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if self.mode != "silent":
            self.letters.append(self.read(server, session, envelope))
        if self.mode in ("holding", "silent"):
            self.held.set()
            await asyncio.Event().wait()
        if self.mode == "dropping":
            server.transport.abort()
        return "250 OK"

    @staticmethod
    def read(server, session, envelope):
        letter = email.message_from_bytes(envelope.content, policy=email.policy.default)
        part = lambda kind: letter.get_body(preferencelist=(kind,)).get_content().replace("\r\n", "\n")
        return {
            "sender": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "tls": server.transport.get_extra_info("ssl_object") is not None,
            "login": session.auth_data.login.decode() if session.auth_data else None,
            "headers": [[name, str(value)] for name, value in letter.items()],
            "id": letter["Message-ID"],
            "subject": letter["Subject"],
            "text": part("plain"),
            "html": part("html"),
        }


class Door(SMTP):
    """Says goodbye to everybody while nobody is let in."""

    def connection_made(self, transport):
        self.event_handler.connections += 1
        if self.event_handler.mode == "closed":
            transport.abort()
        super().connection_made(transport)


def door(sink, options):
    tls = None
    if options["tls"] != "none":
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(options["certificate"], options["key"])
    login = options.get("login")

    def authenticate(server, session, envelope, mechanism, data):
        good = login is not None and [data.login.decode(), data.password.decode()] == login
        return AuthResult(success=good, handled=False, auth_data=data)

    def factory():
        return Door(
            sink,
            hostname="sink.example",
            enable_SMTPUTF8=True,
            tls_context=tls if options["tls"] == "starttls" else None,
            require_starttls=options["tls"] == "starttls",
            auth_require_tls=False,
            auth_required=login is not None,
            authenticator=authenticate if login else None,
        )

    return factory, tls if options["tls"] == "implicit" else None


async def answer(sink, command):
    match command["do"]:
        case "list":
            return {"letters": sink.letters, "connections": sink.connections}
        case "mode":
            sink.mode = command["mode"]
            sink.held.clear()
            return {}
        case "held":
            await sink.held.wait()
            return {}


async def main():
    loop = asyncio.get_running_loop()
    line = lambda: loop.run_in_executor(None, sys.stdin.readline)
    sink = Sink()
    factory, tls = door(sink, json.loads(await line()))
    server = await loop.create_server(factory, "127.0.0.1", 0, ssl=tls)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    while text := await line():
        print(json.dumps(await answer(sink, json.loads(text))), flush=True)


asyncio.run(main())
