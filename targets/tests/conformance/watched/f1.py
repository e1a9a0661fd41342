"""The program of the first field report, as it was described: engine and session are globals, and a child makes them anew.

f1.py WAY ITERATIONS

leaky      as it was reported
scoped     the second report: engine and session belong to a context manager, and the child has one of its own
cured      everything is closed and disposed of before the child is started
closed     half of that: the session is closed
disposed   the other half: the engine is disposed of
collected  as reported, and the child runs the collector when it has rebound the globals
postponed  as reported, and the child switches the collector off
kept       as reported, and the child keeps a second reference to what it inherited

It prints the number of iterations that went well, and what ended them.
"""
import contextlib
import gc
import multiprocessing
import os
import sys

import sqlalchemy
from sqlalchemy.orm import declarative_base, sessionmaker

Base = declarative_base()
engine = Session = session = None
kept = []
WAY = sys.argv[1]


class Row(Base):
    __tablename__ = "f1_rows"
    id = sqlalchemy.Column(sqlalchemy.Integer, primary_key=True)
    value = sqlalchemy.Column(sqlalchemy.Integer)


def init():
    global engine, Session, session
    engine = sqlalchemy.create_engine(os.environ["DATABASE_URL"])
    Base.metadata.create_all(engine)
    Session = sessionmaker(bind=engine)
    session = Session()


def cleanup():
    session.close()
    engine.dispose()


def add_one(row_id):
    if WAY == "kept":
        kept.append((engine, session))
    if WAY == "postponed":
        gc.disable()
    init()
    if WAY == "collected":
        gc.collect()
    try:
        row = session.get(Row, row_id)
        row.value += 1
        session.commit()
    finally:
        cleanup()


def iterate():
    global session
    init()
    try:
        row = Row(value=1)
        session.add(row)
        session.commit()
        row_id = row.id
        if WAY in ("cured", "closed"):
            session.close()
        if WAY in ("cured", "disposed"):
            engine.dispose()
        child = multiprocessing.Process(target=add_one, args=(row_id,))
        child.start()
        child.join()
        if WAY in ("cured", "closed"):
            session = Session()
            row = session.get(Row, row_id)
        session.refresh(row)
        assert row.value == 2, row.value
    finally:
        cleanup()


@contextlib.contextmanager
def scope():
    """The second report's: nothing is global."""
    engine = sqlalchemy.create_engine(os.environ["DATABASE_URL"])
    Base.metadata.create_all(engine)
    session = sessionmaker(bind=engine)()
    try:
        yield session
    finally:
        session.close()
        engine.dispose()


def add_one_in_scope(row_id):
    with scope() as session:
        session.get(Row, row_id).value += 1
        session.commit()


def iterate_in_scope():
    with scope() as session:
        row = Row(value=1)
        session.add(row)
        session.commit()
        child = multiprocessing.Process(target=add_one_in_scope, args=(row.id,))
        child.start()
        child.join()
        session.refresh(row)
        assert row.value == 2, row.value


def main():
    multiprocessing.set_start_method("fork")
    done = 0
    try:
        for done in range(int(sys.argv[2])):
            iterate_in_scope() if WAY == "scoped" else iterate()
        print(f"{sys.argv[2]} iterations, no error")
    except (sqlalchemy.exc.SQLAlchemyError, AssertionError) as error:
        print(f"{done} iterations, then {type(error).__name__}: {error}")


main()
