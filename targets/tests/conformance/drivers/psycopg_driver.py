import os
import psycopg

with psycopg.connect(host=os.environ["DIRECTORY"], user=os.environ["DBUSER"], password=os.environ["PASSWORD"], dbname=os.environ["DATABASE"]) as connection:
    connection.execute("CREATE TABLE psycopg_rows (run BIGINT NOT NULL, nonce VARCHAR(64) NOT NULL)")
    connection.commit()
    for _ in range(8):  # it prepares a statement that it sees often
        connection.execute("INSERT INTO psycopg_rows (run, nonce) VALUES (%s, %s)", (1, "kept"))
    connection.commit()
    connection.execute("INSERT INTO psycopg_rows (run, nonce) VALUES (%s, %s)", (1, "rolled back"))
    connection.rollback()
    assert connection.execute("SELECT nonce FROM psycopg_rows WHERE run = %s", (1,)).fetchall() == [("kept",)] * 8
    try:
        connection.execute("FROBNICATE everything")
        raise SystemExit("no error")
    except psycopg.ProgrammingError as error:
        assert error.sqlstate == "42601" and "FROBNICATE" in str(error), error
    connection.rollback()
