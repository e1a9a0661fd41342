"""Pools of SQLAlchemy with the drivers of PostgreSQL and MySQL, and what people do to make them survive a fork.

A pool is a class of some lines: `database`, `__init__(config)`, `checkout(patience)`, and what of `dispose`, `after_fork` there
is. A checkout has `query(sql)`, `begin`, `commit`, `rollback`, `give_back`, and what of `prepared`, `cancel` there is.
"""

import contextlib

import sqlalchemy
from sqlalchemy import exc, pool as pools


class Checkout:
    """A connection of SQLAlchemy. Outside of a transaction each statement is committed, as a careful program would."""

    def __init__(self, connection):
        self.connection, self.begun = connection, False

    @contextlib.contextmanager
    def settled(self):
        try:
            yield
            if not self.begun:
                self.connection.commit()
        except BaseException:
            if not self.begun:
                with contextlib.suppress(Exception):
                    self.connection.rollback()
            raise

    def query(self, sql):
        with self.settled():
            return rows(self.connection.exec_driver_sql(sql))

    def begin(self):
        self.connection.begin()
        self.begun = True

    def commit(self):
        self.begun = False
        self.connection.commit()

    def rollback(self):
        self.begun = False
        self.connection.rollback()

    def give_back(self):
        self.connection.close()


def rows(result):
    return [[None if value is None else str(value) for value in row] for row in result] if result.returns_rows else []


class Psycopg2:
    database, url = "postgres", "postgresql+psycopg2://"
    # Asking for the types of an extension is no part of a pool.
    options = {"use_native_hstore": False}

    @staticmethod
    def arguments(config):
        directory = config["socket"].rsplit("/", 1)[0]
        login = {"user": config["user"], "password": config["password"], "dbname": config["database"]}
        return {"host": directory, "port": config["port"], **login}


class EnginePool:
    """An engine with a pool."""

    driver, kind, options = Psycopg2, pools.QueuePool, {}

    def __init__(self, config):
        self.engine = self.make(config)

    def make(self, config):
        size = {"pool_size": config["max_size"], "max_overflow": 0} if self.kind is pools.QueuePool else {}
        options = {"poolclass": self.kind, "future": True, **self.driver.options, **size, **self.options}
        return sqlalchemy.create_engine(self.driver.url, connect_args=self.driver.arguments(config), **options)

    def checkout(self, patience):
        self.engine.pool._timeout = patience
        return Checkout(self.engine.connect())

    def dispose(self):
        self.engine.dispose()

    def after_fork(self):
        self.engine.dispose(close=False)

    @staticmethod
    def kind_of(error):
        if isinstance(error, exc.TimeoutError):
            return "timed-out"
        return "database" if isinstance(error, exc.DBAPIError) else "other"


def named(name):
    return EnginePool
