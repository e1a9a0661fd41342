"""The program of the sixth report: a function that everybody calls for a session.

f6.py ENGINE SCOPE POOL CALLS

ENGINE  per-call   an engine is made for each session, and the tables are reflected
        one        there is one engine for the process
SCOPE   scope      the session is given by a context manager that commits, or rolls back, and closes it
        none       the session is returned, and nobody ends it; what asked for it, a request, lives on a while
POOL    queuepool, nullpool

It prints the calls that went well, the most connections that were open at once, and what ended it.
"""
import collections
import contextlib
import os
import sys

import sqlalchemy
from sqlalchemy import orm, pool

ENGINE, SCOPE, POOL = sys.argv[1:4]
CALLS = int(sys.argv[4])
OPTIONS = {"poolclass": pool.NullPool} if POOL == "nullpool" else {"pool_timeout": 1}


def make():
    engine = sqlalchemy.create_engine(os.environ["DATABASE_URL"], future=True, **OPTIONS)
    sqlalchemy.MetaData().reflect(engine)
    return engine


only = make() if ENGINE == "one" else None


def connect():
    return orm.sessionmaker(bind=only or make(), future=True)()


@contextlib.contextmanager
def scope():
    session = connect()
    try:
        yield session
        session.commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        session.close()


# The requests that are at work at the same time: each has its session until its answer is sent.
requests = collections.deque(maxlen=400)


def request():
    if SCOPE == "scope":
        with scope() as session:
            session.execute(sqlalchemy.text("SELECT 1"))
    else:
        session = connect()
        session.execute(sqlalchemy.text("SELECT 1"))
    requests.append(session)


def connections():
    links = []
    for descriptor in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            links.append(os.readlink(f"/proc/self/fd/{descriptor}"))
    return sum(link.startswith("socket:") for link in links)


done, most, ended = 0, 0, "no error"
try:
    for done in range(1, CALLS + 1):
        request()
        most = max(most, connections())
except sqlalchemy.exc.SQLAlchemyError as error:
    done, ended = done - 1, f"{type(error).__name__}: {error}".replace("\n", " ")
print(f"{done} calls, {most} connections at once, {ended}", flush=True)
os._exit(0)
