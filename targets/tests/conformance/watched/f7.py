"""The program of the seventh report: ten threads add rows of their own and flush, and no two of them touch the same row.

f7.py shared ROUNDS   all have one session
f7.py scoped ROUNDS   each has its own, from a scoped_session
f7.py each ROUNDS     each makes its own

It prints how many errors there were, how many rows there are of those whose flush went well, and the first error.
"""
import os
import sys
import threading

import sqlalchemy
from sqlalchemy import orm

THREADS, ROWS = 10, 5
WAY, ROUNDS = sys.argv[1], int(sys.argv[2])
Base = orm.declarative_base()


class Row(Base):
    __tablename__ = "f7_rows"
    id = sqlalchemy.Column(sqlalchemy.Integer, primary_key=True)
    owner = sqlalchemy.Column(sqlalchemy.Integer)


engine = sqlalchemy.create_engine(os.environ["DATABASE_URL"], future=True, pool_size=THREADS)
Base.metadata.drop_all(engine)
Base.metadata.create_all(engine)
sessions = orm.sessionmaker(bind=engine, future=True)
scoped, shared = orm.scoped_session(sessions), sessions()
together = threading.Barrier(THREADS)
well, errors = [0] * THREADS, []


def work(owner):
    session = {"shared": lambda: shared, "scoped": scoped, "each": sessions}[WAY]()
    for _ in range(ROUNDS):
        together.wait()
        try:
            session.add_all([Row(owner=owner) for _ in range(ROWS)])
            session.flush()
            well[owner] += 1
        except Exception as error:
            errors.append(f"{type(error).__name__}: {error}".splitlines()[0])
    together.wait()
    try:
        session.commit()
    except Exception as error:
        errors.append(f"{type(error).__name__} at commit: {error}".splitlines()[0])


threads = [threading.Thread(target=work, args=(owner,)) for owner in range(THREADS)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
with engine.connect() as connection:
    there = connection.execute(sqlalchemy.text("SELECT count(*) FROM f7_rows")).scalar()
print(f"{len(errors)} errors, {there} rows of {sum(well) * ROWS}, {errors[0] if errors else 'no error'}", flush=True)
os._exit(0)
