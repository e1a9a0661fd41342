"""The pool of psycopg 3, which needs no SQLAlchemy."""

import psycopg_pool

from pools_checkouts import Checkout, texts
from pools_drivers import Psycopg


class PsycopgPool:
    """A ConnectionPool of psycopg_pool, whose threads open connections. It documents no hook for a child."""

    def __init__(self, config):
        arguments = Psycopg.arguments(config)
        self.pool = psycopg_pool.ConnectionPool(kwargs=arguments, min_size=0, max_size=config["max_size"], open=True)

    def checkout(self, patience):
        return PsycopgCheckout(self.pool.getconn(timeout=patience), self.pool)

    def dispose(self):
        self.pool.close()


class PsycopgCheckout(Checkout):
    """A connection of psycopg, which begins a transaction by itself."""

    def __init__(self, connection, pool):
        super().__init__(connection, Psycopg)
        self.pool = pool

    def query(self, sql):
        return self.run(lambda: rows(self.connection.execute(sql)))

    def bare(self):
        return self.connection

    def begin(self):
        self.begun = True

    def give_back(self):
        self.pool.putconn(self.connection)


def rows(cursor):
    return texts(cursor) if cursor.description is not None else []
