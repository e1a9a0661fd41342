"""The drivers: where the server is, in the words of each."""

import os


class Psycopg2:
    dialect = "postgresql+psycopg2"
    # Asking for the types of an extension is no part of a pool.
    options = {"use_native_hstore": False}
    prepared = None

    @staticmethod
    def arguments(config):
        place = {"host": os.path.dirname(config["socket"]), "port": config["port"]}
        return {**place, "user": config["user"], "password": config["password"], "dbname": config["database"]}

    @staticmethod
    def cancel(connection):
        connection.cancel()


class Psycopg(Psycopg2):
    dialect, options = "postgresql+psycopg", {}

    @staticmethod
    def prepared(connection, sql, argument):
        return connection.execute(sql.replace("$1", "%s"), (argument,), prepare=True).fetchall()


class PyMySql:
    dialect, options = "mysql+pymysql", {}
    # Neither driver prepares, nor has a way to cancel.
    prepared = cancel = None

    @staticmethod
    def arguments(config):
        login = {"user": config["user"], "password": config["password"], "database": config["database"]}
        return {"unix_socket": config["socket"], **login}


class MySqlClient(PyMySql):
    dialect = "mysql+mysqldb"


class MySqlConnector(PyMySql):
    dialect = "mysql+mysqlconnector"


DRIVERS = {
    "psycopg2": Psycopg2,
    "psycopg": Psycopg,
    "pymysql": PyMySql,
    "mysqlclient": MySqlClient,
    "mysqlconnector": MySqlConnector,
}
