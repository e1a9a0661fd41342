"""A child pings the server on the session of its parent. Its only address is what the client library reads by itself."""
import os

import MySQLdb

connection = MySQLdb.connect(user=os.environ["MYSQL_USER"], password=os.environ["MYSQL_PASSWORD"], database=os.environ["MYSQL_DATABASE"])
child = os.fork()
if child == 0:
    connection.ping()
    os._exit(0)
os.waitpid(child, 0)
connection.close()
