"""Pools of SQLAlchemy with the drivers of PostgreSQL and MySQL, and what people do to make them survive a fork.

A pool is a class of some lines: `__init__(config)`, `checkout(patience)`, and what of `dispose`, `after_fork` there is.
"""

import copy
import os
import sys
import threading
import weakref

import sqlalchemy
from sqlalchemy import event, exc, orm, pool as pools

from pools_checkouts import Checkout, DroppedCheckout, LentCheckout, SessionCheckout, SharedCheckout
from pools_drivers import DRIVERS


class EnginePool:
    """An engine with a QueuePool, as `create_engine` makes it."""

    kind, options = pools.QueuePool, {}

    def __init__(self, config):
        self.config = config
        self.engine = self.make()

    def make(self):
        size = {"pool_size": self.config["max_size"], "max_overflow": 0} if self.kind is pools.QueuePool else {}
        arguments = self.driver.arguments(self.config)
        options = {"poolclass": self.kind, "future": True, **size, **self.driver.options, **self.options}
        return sqlalchemy.create_engine(self.driver.dialect + "://", connect_args=arguments, **options)

    def checkout(self, patience):
        self.engine.pool._timeout = patience
        return Checkout(self.engine.connect(), self.driver)

    def dispose(self):
        self.engine.dispose()

    def after_fork(self):
        self.engine.dispose(close=False)


class Bounded(EnginePool):
    """A pool without a limit of its own, in an application that has no more than so many checkouts."""

    def __init__(self, config):
        super().__init__(config)
        self.out = weakref.WeakSet()
        # One for each checkout that is still connecting.
        self.coming = []

    def checkout(self, patience):
        held = lambda checkout: not (checkout.connection.closed or checkout.connection.invalidated)
        self.coming.append(None)
        try:
            if sum(map(held, self.out)) + len(self.coming) > self.config["max_size"]:
                raise TimeoutError("the application has all the checkouts that it wants")
            checkout = super().checkout(patience)
            self.out.add(checkout)
            return checkout
        finally:
            self.coming.pop()


class NullPool(Bounded):
    kind = pools.NullPool


class StaticPool(EnginePool):
    kind = pools.StaticPool


class SingletonThreadPool(EnginePool):
    kind = pools.SingletonThreadPool


class PrePing(EnginePool):
    options = {"pool_pre_ping": True}


class NoReset(EnginePool):
    options = {"pool_reset_on_return": None}


class DisposeInChild(EnginePool):
    """The child disposes of the engine as its parent would, which closes what it inherited."""

    def after_fork(self):
        self.engine.dispose()


class InvalidateInChild(EnginePool):
    """The child invalidates what is checked out, as `session.invalidate()` does, and takes the pool as it is."""

    def __init__(self, config):
        super().__init__(config)
        self.out = weakref.WeakSet()

    def checkout(self, patience):
        checkout = super().checkout(patience)
        self.out.add(checkout)
        return checkout

    def after_fork(self):
        for checkout in list(self.out):
            if not checkout.connection.closed:
                checkout.connection.invalidate()


class Multiprocessing(EnginePool):
    """Children are those of multiprocessing, which forks and ends them by `os._exit`."""

    children = "multiprocessing"


class Spawn(EnginePool):
    """Children are interpreters of their own, which import the module with the engine again."""

    children = "spawn"


class Guard(EnginePool):
    """The guard of SQLAlchemy's documentation, in today's form: connections of another process are not used."""

    attribute = "dbapi_connection"

    def make(self):
        engine = super().make()
        event.listen(engine, "connect", self.note)
        event.listen(engine, "checkout", self.compare)
        return engine

    @staticmethod
    def note(_connection, record):
        record.info["pid"] = os.getpid()

    @classmethod
    def compare(cls, _connection, record, proxy):
        if record.info["pid"] != os.getpid():
            setattr(record, cls.attribute, None)
            setattr(proxy, cls.attribute, None)
            raise exc.DisconnectionError("the connection belongs to another process")

    # The guard is to make a hook superfluous.
    after_fork = None


class GuardOfThen(Guard):
    """The same as it was printed before SQLAlchemy 1.4.24."""

    attribute = "connection"


class GuardPrePing(Guard):
    options = {"pool_pre_ping": True}


class EnginePerCall(EnginePool):
    """An engine is made for each checkout, and nobody disposes of it."""

    def __init__(self, config):
        self.config = config

    def checkout(self, patience):
        self.engine = self.make()
        return super().checkout(patience)

    dispose = after_fork = None


class SessionPool(EnginePool):
    """A session for each checkout, from a `sessionmaker`."""

    checkouts = SessionCheckout

    def __init__(self, config):
        super().__init__(config)
        self.sessions = orm.sessionmaker(future=True)

    def checkout(self, patience):
        self.engine.pool._timeout = patience
        return self.checkouts(self.sessions(bind=self.engine.connect()), self.driver)


class ReboundPool(SessionPool):
    """Sessions in globals that are rebound in place of being closed: what becomes of the old one is for the collector to say."""

    checkouts = DroppedCheckout


class LentSessionPool(SessionPool):
    """A session is handed to another thread, and the first one goes on with it."""

    checkouts = LentCheckout

    def __init__(self, config):
        super().__init__(config)
        self.lent = {}

    def checkout(self, patience):
        own = self.lent.get(threading.get_ident())
        if own is None or own.connection.bind.closed:
            own = super().checkout(patience)
            own.pool = weakref.proxy(self)
        return own


class ScopedSessionPool(SessionPool):
    """The session of the thread, from a `scoped_session`: the same one, until it is given back."""

    def __init__(self, config):
        super().__init__(config)
        self.scoped = orm.scoped_session(self.sessions)

    def checkout(self, patience):
        if not self.scoped.registry.has() or self.scoped().bind.closed:
            # Another thread may have given it back.
            self.scoped.registry.clear()
            self.engine.pool._timeout = patience
            self.scoped(bind=self.engine.connect())
        return ScopedCheckout(self.scoped(), self.driver, self.scoped)


class ScopedCheckout(SessionCheckout):
    def __init__(self, session, driver, scoped):
        super().__init__(session, driver)
        self.scoped = scoped

    def give_back(self):
        super().give_back()
        if self.scoped.registry.has() and self.scoped() is self.connection:
            self.scoped.registry.clear()


class SharedSessionPool(EnginePool):
    """One session for all: the same object in every checkout."""

    def __init__(self, config):
        super().__init__(config)
        self.session = orm.Session(self.engine, future=True)

    def checkout(self, patience):
        self.engine.pool._timeout = patience
        return SharedCheckout(self.session, self.driver)


KINDS = {
    "queuepool": EnginePool,
    "nullpool": NullPool,
    "staticpool": StaticPool,
    "singletonthreadpool": SingletonThreadPool,
    "preping": PrePing,
    "noreset": NoReset,
    "dispose-in-child": DisposeInChild,
    "invalidate-in-child": InvalidateInChild,
    "multiprocessing": Multiprocessing,
    "spawn": Spawn,
    "guard": Guard,
    "guard-of-then": GuardOfThen,
    "guard-preping": GuardPrePing,
    "engine-per-call": EnginePerCall,
    "session": SessionPool,
    "rebound-session": ReboundPool,
    "lent-session": LentSessionPool,
    "scoped-session": ScopedSessionPool,
    "shared-session": SharedSessionPool,
}


# What the agent asks of this file.


def named(name):
    """The pool of such a name: `sqlalchemy-KIND-DRIVER`, or `psycopg-pool`."""
    if name == "psycopg-pool":
        return psycopg_pool()
    kind, _, driver = name.removeprefix("sqlalchemy-").rpartition("-")
    if kind not in KINDS or driver not in DRIVERS:
        sys.exit(f"there is no pool '{name}' here")
    pool = type(name, (KINDS[kind],), {"driver": DRIVERS[driver]})
    try:
        # The driver is imported here, once, and not in each process of each case.
        sqlalchemy.create_engine(pool.driver.dialect + "://", future=True)
    except (ImportError, exc.NoSuchModuleError) as error:
        sys.exit(f"{sys.executable} with SQLAlchemy {sqlalchemy.__version__} cannot use {driver}: {error}")
    return pool


def psycopg_pool():
    try:
        from pools_psycopg import PsycopgPool
    except ImportError as error:
        sys.exit(f"{sys.executable} cannot use psycopg_pool: {error}")
    return PsycopgPool


def of_user(thing):
    """What a user has: a class like those above, or an engine, which is led to the server of the run."""
    if not isinstance(thing, sqlalchemy.engine.Engine):
        return thing
    dialects = {driver.dialect: driver for driver in DRIVERS.values()}
    chosen = dialects.get(f"{thing.dialect.name}+{thing.dialect.driver}")
    if chosen is None:
        sys.exit(f"an engine with {thing.dialect.name}+{thing.dialect.driver} is not known here; known are {', '.join(dialects)}")

    class UsersPool(EnginePool):
        driver = chosen

        def make(self):
            engine = modern(copy.copy(thing))
            if isinstance(engine.pool, pools.QueuePool):
                engine.pool._pool.maxsize, engine.pool._max_overflow = self.config["max_size"], 0
            engine.pool = engine.pool.recreate()
            event.listen(engine, "do_connect", self.redirect)
            return engine

        def redirect(self, _dialect, _record, arguments, options):
            arguments.clear()
            options.clear()
            options.update(self.driver.arguments(self.config))

    return UsersPool


def modern(engine):
    """Before version 2 an engine has the interface of today only if it is asked for."""
    if getattr(engine, "_is_future", True):
        return engine
    from sqlalchemy.future import Engine

    return Engine._future_facade(engine)


def kind_of(error):
    """A hint for messages."""
    if isinstance(error, (exc.TimeoutError, TimeoutError)) or type(error).__name__ == "PoolTimeout":
        return "timed-out"
    return "database" if isinstance(error, exc.DBAPIError) else "other"
