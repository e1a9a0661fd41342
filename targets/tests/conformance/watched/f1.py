"""The program of the first field report, as it was described: engine and session are globals, and a child makes them anew.

f1.py leaky ITERATIONS   as it was reported
f1.py cured ITERATIONS   everything is closed and disposed of before the child is started

It prints the number of iterations that went well, and what ended them.
"""
import multiprocessing
import os
import sys

import sqlalchemy
from sqlalchemy.orm import declarative_base, sessionmaker

Base = declarative_base()
engine = Session = session = None


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
    init()
    try:
        row = session.get(Row, row_id)
        row.value += 1
        session.commit()
    finally:
        cleanup()


def iterate(cured):
    global session
    init()
    try:
        row = Row(value=1)
        session.add(row)
        session.commit()
        row_id = row.id
        if cured:
            cleanup()
        child = multiprocessing.Process(target=add_one, args=(row_id,))
        child.start()
        child.join()
        if cured:
            session = Session()
            row = session.get(Row, row_id)
        session.refresh(row)
        assert row.value == 2, row.value
    finally:
        cleanup()


def main():
    multiprocessing.set_start_method("fork")
    cured = {"leaky": False, "cured": True}[sys.argv[1]]
    done = 0
    try:
        for done in range(int(sys.argv[2])):
            iterate(cured)
        print(f"{sys.argv[2]} iterations, no error")
    except (sqlalchemy.exc.SQLAlchemyError, AssertionError) as error:
        print(f"{done} iterations, then {type(error).__name__}: {error}")


main()
