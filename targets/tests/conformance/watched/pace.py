"""Asks the same thing in turn on two connections, one through the watch and one past it, and prints how much longer the first takes.

pace.py PAIRS   DIRECT_URL leads past the watch

The median of the differences, in microseconds.
"""
import os
import statistics
import sys
import time

import psycopg2


def asked(cursor):
    begun = time.perf_counter()
    cursor.execute("SELECT 1")
    cursor.fetchall()
    return time.perf_counter() - begun


def cursor(url):
    connection = psycopg2.connect(url)
    connection.autocommit = True
    return connection.cursor()


through, past = cursor(os.environ["DATABASE_URL"]), cursor(os.environ["DIRECT_URL"])
pairs = [(asked(through), asked(past)) for _ in range(int(sys.argv[1]))]
print(round(1e6 * statistics.median(one - other for one, other in pairs)))
