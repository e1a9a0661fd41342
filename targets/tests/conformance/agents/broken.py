"""An agent without a pool that breaks the protocol in the way that its argument names."""

import json
import os
import signal
import socket
import sys
import threading

WAY = sys.argv[1]


class Control:
    def __init__(self, case, who, version=1, thread=None):
        self.connection = socket.socket(socket.AF_UNIX)
        self.connection.connect(os.environ["POOLPROOF_CONTROL"])
        self.lines = self.connection.makefile("r")
        self.hello = {"hello": {"version": version, "case": case, "who": who, "thread": thread or threading.get_native_id()}}
        self.say(self.hello)

    def say(self, message):
        self.raw(json.dumps(message) + "\n")

    def raw(self, text):
        self.connection.sendall(text.encode())

    def answer(self, number, reply="done"):
        self.say({"answer": {"id": number, "is": reply}})

    def orders(self):
        for line in self.lines:
            order = json.loads(line)
            (word, details), = order["do"].items()
            yield order["id"], word, details


def zygote():
    if WAY == "silence":
        signal.pause()
    if WAY == "early exit":
        sys.exit("no driver is installed here")
    control = Control(0, "zygote", version=2 if WAY == "version" else 1)
    for number, word, details in control.orders():
        if WAY == "two zygotes":
            # In the middle of an order: between two cases whoever has not said hello is shown out.
            Control(0, "zygote")
        if WAY == "the zygote ends":
            sys.exit("cannot fork")
        if WAY == "no case":
            control.answer(number, {"error": {"kind": "other", "message": "too many processes"}})
            signal.pause()
        if word == "case":
            while True:
                try:
                    os.waitpid(-1, 0)
                except ChildProcessError:
                    break
            if os.fork() == 0:
                control.connection.close()
                return actor(details["case"])
        control.answer(number)


def actor(case):
    if WAY == "no first process":
        os._exit(0)
    control = Control(case + (WAY == "another case"), "p9" if WAY == "a stranger" else "p0", thread=1 if WAY == "no thread" else None)
    for number, word, details in control.orders():
        if word == "exit":
            os._exit(0)
        if WAY == "two hellos":
            control.say(control.hello)
        elif WAY == "garbage":
            control.raw("certainly!\n")
        elif WAY == "a long line":
            with_nothing_to_say(control)
        elif WAY == "wrong number":
            control.answer(number + 1)
        elif WAY == "two answers":
            control.answer(number)
            control.answer(number)
        elif WAY == "unknown reply":
            control.answer(number, "perhaps")
        elif WAY == "rejected":
            control.answer(number, {"rejected": "not today"})
        elif WAY == "not offered":
            control.answer(number, "not-offered")
        elif WAY == "rows for nothing":
            control.answer(number, {"rows": [["1"]]})
        else:
            control.answer(number)


def with_nothing_to_say(control):
    try:
        for _ in range(100):
            control.raw(" " * 1_000_000)
    except OSError:
        os._exit(0)


zygote()
