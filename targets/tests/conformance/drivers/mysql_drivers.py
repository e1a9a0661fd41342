"""A MySQL driver with the standard interface; its module is the argument."""
import importlib
import os
import sys

driver = importlib.import_module(sys.argv[1])

connection = driver.connect(unix_socket=os.environ["DIRECTORY"] + "/mysql.sock", user=os.environ["DBUSER"], password=os.environ["PASSWORD"], database=os.environ["DATABASE"])
cursor = connection.cursor()
cursor.execute("CREATE TABLE driver_rows (run BIGINT NOT NULL, nonce VARCHAR(64) NOT NULL, INDEX (run)) ENGINE=InnoDB")
cursor.execute("INSERT INTO driver_rows (run, nonce) VALUES (%s, %s)", (1, "kept"))
connection.commit()
cursor.execute("INSERT INTO driver_rows (run, nonce) VALUES (%s, %s)", (1, "rolled back"))
connection.rollback()
cursor.execute("SELECT nonce FROM driver_rows WHERE run = %s", (1,))
assert list(cursor.fetchall()) == [("kept",)]
try:
    cursor.execute("FROBNICATE everything")
    raise SystemExit("no error")
except driver.MySQLError as error:
    assert error.args[0] == 1064 and "FROBNICATE" in str(error), error
connection.ping()
connection.close()
