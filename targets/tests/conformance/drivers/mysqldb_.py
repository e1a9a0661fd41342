import os
import MySQLdb

connection = MySQLdb.connect(unix_socket=os.environ["DIRECTORY"] + "/mysql.sock", user=os.environ["DBUSER"], password=os.environ["PASSWORD"], database=os.environ["DATABASE"])
cursor = connection.cursor()
cursor.execute("CREATE TABLE mysqldb_rows (run BIGINT NOT NULL, nonce VARCHAR(64) NOT NULL, INDEX (run)) ENGINE=InnoDB")
cursor.execute("INSERT INTO mysqldb_rows (run, nonce) VALUES (%s, %s)", (1, "kept"))
connection.commit()
cursor.execute("INSERT INTO mysqldb_rows (run, nonce) VALUES (%s, %s)", (1, "rolled back"))
connection.rollback()
cursor.execute("SELECT nonce FROM mysqldb_rows WHERE run = %s", (1,))
assert list(cursor.fetchall()) == [("kept",)]
try:
    cursor.execute("FROBNICATE everything")
    raise SystemExit("no error")
except MySQLdb.MySQLError as error:
    assert error.args[0] == 1064 and "FROBNICATE" in str(error), error
connection.ping()
connection.close()
