"""Checkouts: a connection or a session of SQLAlchemy, with the operations of a step.

A checkout has `query(sql)`, `begin`, `commit`, `rollback`, `give_back`, and what of `prepared`, `cancel` there is.
"""

import contextlib
import threading

import sqlalchemy


class Checkout:
    """A connection of SQLAlchemy. Outside of a transaction each statement is committed, as a careful program does it."""

    def __init__(self, connection, driver):
        self.connection, self.driver, self.begun = connection, driver, False

    def run(self, work):
        try:
            result = work()
            if not self.begun:
                self.connection.commit()
            return result
        except BaseException:
            if not self.begun:
                with contextlib.suppress(Exception):
                    self.connection.rollback()
            raise

    def query(self, sql):
        return self.run(lambda: rows(self.connection.exec_driver_sql(sql)))

    def prepared(self, sql, argument):
        if self.driver.prepared is None:
            return NotImplemented
        return self.run(lambda: texts(self.driver.prepared(self.bare(), sql, argument)))

    def cancel(self):
        return NotImplemented if self.driver.cancel is None else self.driver.cancel(self.bare())

    def bare(self):
        """The driver's own connection."""
        return self.connection.connection.dbapi_connection

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


class SharedCheckout(Checkout):
    """The same with a session of the ORM that others use as well, and that nobody closes."""

    def query(self, sql):
        return self.run(lambda: rows(self.connection.execute(sqlalchemy.text(sql))))

    def bare(self):
        return self.connection.connection().connection.dbapi_connection

    def begin(self):
        # A session begins by itself.
        self.begun = True

    def give_back(self):
        pass


class SessionCheckout(SharedCheckout):
    """Of a session that has a connection of its own: otherwise it would give it back at each commit."""

    def give_back(self):
        self.connection.close()
        self.connection.bind.close()


class DroppedCheckout(SessionCheckout):
    """Of a session that nobody closes: its last reference goes, and a finaliser does the rest."""

    def give_back(self):
        self.connection = None


class LentCheckout(SessionCheckout):
    """Of a session that is handed to another thread, while the first one still knows it."""

    pool = None

    def lend(self):
        self.pool.lent[threading.get_ident()] = self


def rows(result):
    return texts(result) if result.returns_rows else []


def texts(result):
    return [[None if value is None else str(value) for value in row] for row in result]
