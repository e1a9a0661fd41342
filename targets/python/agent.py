"""An agent for pools that are written in Python: it speaks the protocol of docs/agent-protocol.md and knows no pool.

    python3 agent.py                 one of the pools in pools.py, named by POOLPROOF_POOL
    python3 agent.py FILE:NAME       a class like those, or an Engine of SQLAlchemy, in a file

It uses no lock of its own, for a forked child would inherit it as another thread held it; and control sockets are bare
descriptors, so that nothing of the agent is finalised in a child.
"""

import collections
import ctypes
import gc
import importlib.util
import json
import os
import signal
import socket
import sys
import threading

import agent_children
import pools

VERSION = 1
SOCKET = os.environ.pop("POOLPROOF_CONTROL", "")
POOL = os.environ.pop("POOLPROOF_POOL", "")
os.environ.pop("POOLPROOF_ROLE", None)


class Unknown(Exception):
    """An order that makes no sense here."""


class Leave(Exception):
    """The coordinator has gone."""


class Panic(Exception):
    """What nobody catches, and ends the interpreter; the protocol wants this exit code."""

    CODE = 101


class Control:
    """A connection to the coordinator, which takes one line at a time."""

    def __init__(self, case, who):
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(SOCKET)
        self.descriptor, self.unread = connection.detach(), b""
        self.say({"hello": {"version": VERSION, "case": case, "who": who, "thread": threading.get_native_id()}})

    def say(self, message):
        line = json.dumps(message).encode() + b"\n"
        while line:
            line = line[os.write(self.descriptor, line):]

    def answer(self, number, reply):
        self.say({"answer": {"id": number, "is": reply}})

    def order(self):
        while b"\n" not in self.unread:
            read = os.read(self.descriptor, 65536)
            if not read:
                raise Leave
            self.unread += read
        line, self.unread = self.unread.split(b"\n", 1)
        order = json.loads(line)
        (word, details), = order["do"].items()
        return order["id"], word, details


class Shared:
    """What the actors of one process share; every operation on it is atomic in the interpreter."""

    def __init__(self, case, config, kind):
        self.case, self.config, self.kind = case, config, kind
        self.pools = {}
        self.mail = collections.defaultdict(collections.deque)
        self.controls = {}

    def after_fork(self):
        for descriptor in self.controls.values():
            os.close(descriptor)
        self.controls.clear()
        for letters in self.mail.values():
            forget(*letters)
            letters.clear()


def forget(*things):
    """Their finalisers never run: each has a reference that nobody gives back."""
    for thing in things:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))


class Actor:
    """One thread of one process, with its checkouts."""

    def __init__(self, shared, process, thread, absent=Unknown):
        self.shared, self.process, self.thread = shared, process, thread
        self.checkouts, self.spawned, self.absent = {}, {}, absent
        self.control = Control(shared.case, process if thread == 0 else f"{process}.t{thread}")
        shared.controls[thread] = self.control.descriptor

    def work(self):
        """Obeys until the end, and gives its kind; `None` for a thread that is to finish."""
        while True:
            number, word, details = self.control.order()
            for handle, checkout in self.letters():
                self.checkouts[handle] = checkout
            if word == "exit":
                return details["kind"]
            if word == "finish":
                return None
            reply = self.carry_out(word, details)
            if reply is not None:
                self.control.answer(number, reply)

    def letters(self):
        letters = self.shared.mail[self.thread]
        while letters:
            yield letters.popleft()

    def carry_out(self, word, details):
        try:
            return getattr(self, word.replace("-", "_"), self.unknown)(**details)
        except Unknown as unknown:
            return {"rejected": str(unknown)}
        except Exception as error:
            return {"error": {"kind": pools.kind_of(error), "message": f"{type(error).__name__}: {error}"}}
        except BaseException as error:
            return {"panicked": f"{type(error).__name__}: {error}"}

    def unknown(self, **_):
        raise Unknown("this agent does not know such an order")

    def pool(self, number):
        if number not in self.shared.pools:
            raise Unknown(f"there is no pool {number} here")
        return self.shared.pools[number]

    def held(self, handle):
        if handle not in self.checkouts:
            raise self.absent(f"there is no checkout {handle} here")
        return self.checkouts[handle]

    def offered(self, thing, name, *arguments):
        method = getattr(thing, name, None)
        result = None if method is None else method(*arguments)
        return "not-offered" if method is None or result is NotImplemented else "done" if result is None else {"rows": result}

    # The orders.

    def open(self, pool):
        self.shared.pools[pool] = self.shared.kind(self.shared.config)
        return "done"

    def dispose(self, pool):
        return self.offered(self.pool(pool), "dispose")

    def after_fork(self, pool):
        return self.offered(self.pool(pool), "after_fork")

    def drop_runtime(self, pool):
        return self.offered(self.pool(pool), "drop_runtime")

    def drop_pool(self, pool):
        self.pool(pool)
        del self.shared.pools[pool]
        return "done"

    def leak_pool(self, pool):
        forget(self.pool(pool))
        return self.drop_pool(pool)

    def checkout(self, handle, pool, patience_ms):
        checkout = self.pool(pool).checkout(patience_ms / 1000)
        # A name that is given anew must not run a finaliser that nobody asked for.
        forget(self.checkouts.get(handle))
        self.checkouts[handle] = checkout
        return "done"

    def give_back(self, handle):
        self.held(handle)
        self.checkouts.pop(handle).give_back()
        return "done"

    locals()["return"] = give_back

    def leak(self, handle):
        forget(self.held(handle))
        del self.checkouts[handle]
        return "done"

    def query(self, handle, sql):
        return {"rows": self.held(handle).query(sql)}

    def prepared(self, handle, sql, argument):
        return self.offered(self.held(handle), "prepared", sql, argument)

    def cancel(self, handle):
        return self.offered(self.held(handle), "cancel")

    def begin(self, handle):
        return self.offered(self.held(handle), "begin")

    def commit(self, handle):
        return self.offered(self.held(handle), "commit")

    def rollback(self, handle):
        return self.offered(self.held(handle), "rollback")

    def send(self, handle, to):
        checkout = self.held(handle)
        del self.checkouts[handle]
        self.offered(checkout, "lend")
        self.shared.mail[to].append((handle, checkout))
        return "done"

    def collect(self):
        gc.collect()
        return "done"

    def wait(self, pid):
        reap(pid)
        return "done"

    def spawn(self, thread):
        self.spawned[thread] = threading.Thread(target=live, args=(self.shared, self.process, thread), daemon=True)
        self.spawned[thread].start()
        return "done"

    def join(self, thread):
        self.spawned.pop(thread).join()
        return "done"

    def exec(self, argv, environment):
        os.execve(argv[0], argv, environment)

    def fork(self, child, kind):
        children = getattr(self.shared.kind, "children", "fork") if kind == "fork" else kind
        if children == "multiprocessing":
            agent_children.by_multiprocessing(lambda: self.live_on(child))
            return "done"
        if children == "spawn":
            shared = self.shared
            agent_children.by_spawn(spawned, SOCKET, POOL, shared.case, shared.config, child, list(shared.pools))
            return "done"
        if agent_children.by_system_call(kind) != 0:
            return "done"
        self.is_born(child)
        return None

    def is_born(self, child):
        """This is the child now, and its only thread."""
        self.shared.after_fork()
        self.process, self.thread, self.spawned = child, 0, {}
        self.control = Control(self.shared.case, child)
        self.shared.controls[0] = self.control.descriptor

    def live_on(self, child):
        """The life of a child that is not to return to what its parent was at."""
        try:
            self.is_born(child)
            end(self, self.work())
        except Panic:
            sys.exit(Panic.CODE)
        except (Leave, OSError):
            os._exit(0)


def reap(pid):
    try:
        os.waitpid(pid, 0)
    except ChildProcessError:
        pass  # Somebody else has reaped it: the pool, or what it did with SIGCHLD.


def live(shared, process, thread):
    """An actor's whole life. It returns only for a thread that was told to finish."""
    try:
        actor = Actor(shared, process, thread)
        kind = actor.work()
        if kind is not None:
            end(actor, kind)
        for checkout in actor.checkouts.values():
            checkout.give_back()
        shared.controls.pop(thread, None)
        os.close(actor.control.descriptor)
    except (Leave, OSError):
        os._exit(0)


def spawned(control, pool, case, config, child, numbers):
    """The life of a child in an interpreter of its own, which has made the module's pools anew and inherited nothing."""
    global SOCKET
    SOCKET = control
    try:
        shared = Shared(case, config, chosen(sys.argv[1:], pool))
        shared.pools = {number: shared.kind(config) for number in numbers}
        actor = Actor(shared, child, 0, absent=LookupError)
        end(actor, actor.work())
    except Panic:
        sys.exit(Panic.CODE)
    except (Leave, OSError):
        os._exit(0)


def end(actor, kind):
    if kind == "now":
        os._exit(0)
    if kind == "signal":
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "main":
        actor.checkouts.clear()
        while actor.shared.pools:
            actor.shared.pools.popitem()
    if in_main_function():
        if kind == "panic":
            raise Panic
        sys.exit(0)
    # An exception would only end this thread: what the interpreter does at its end is done from here.
    ctypes.pythonapi.Py_Exit(Panic.CODE if kind == "panic" else 0)


def in_main_function():
    """Below this frame is the interpreter's main function, and not that of a thread, as in a child that a thread forked."""
    frame = sys._getframe()
    while frame.f_back is not None:
        frame = frame.f_back
    return frame.f_code.co_name == "<module>"


def serve(kind):
    """The zygote: has opened no pool, and forks the first process of each case."""
    control = Control(0, "zygote")
    # What the imports made is looked at by no collection, so that its pages stay shared.
    gc.collect()
    gc.freeze()
    while True:
        number, word, details = control.order()
        if word == "bury":
            reap(details["pid"])
        elif word == "case":
            bury()
            if os.fork() == 0:
                os.close(control.descriptor)
                return live(Shared(details["case"], details["config"], kind), "p0", 0)
        control.answer(number, "done")


def bury():
    """Reaps every process of the case before, and ends those that still live."""
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            for child in children():
                os.kill(child, signal.SIGKILL)
            reap(-1)


def children():
    with open(f"/proc/self/task/{os.getpid()}/children") as file:
        return [int(pid) for pid in file.read().split()]


def chosen(words, pool):
    """The pool that the command line names, or the environment."""
    if not words:
        return pools.named(pool)
    path, _, name = words[0].rpartition(":")
    sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
    spec = importlib.util.spec_from_file_location("pool_under_test", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return pools.of_user(getattr(module, name))


if __name__ == "__main__":
    try:
        serve(chosen(sys.argv[1:], POOL))
    except Leave:
        pass
    except Panic:
        sys.exit(Panic.CODE)
