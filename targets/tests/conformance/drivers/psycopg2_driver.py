import os
import psycopg2

connection = psycopg2.connect(host=os.environ["DIRECTORY"], user=os.environ["DBUSER"], password=os.environ["PASSWORD"], dbname=os.environ["DATABASE"])
cursor = connection.cursor()
cursor.execute("CREATE TABLE psycopg2_rows (run BIGINT NOT NULL, nonce VARCHAR(64) NOT NULL)")
connection.commit()
cursor.execute("INSERT INTO psycopg2_rows (run, nonce) VALUES (%s, %s)", (1, "kept"))
connection.commit()
cursor.execute("INSERT INTO psycopg2_rows (run, nonce) VALUES (%s, %s)", (1, "rolled back"))
connection.rollback()
cursor.execute("SELECT nonce FROM psycopg2_rows WHERE run = %s", (1,))
assert cursor.fetchall() == [("kept",)]
try:
    cursor.execute("FROBNICATE everything")
    raise SystemExit("no error")
except psycopg2.ProgrammingError as error:
    assert error.pgcode == "42601" and "FROBNICATE" in str(error), (error.pgcode, error)
connection.rollback()
connection.close()
