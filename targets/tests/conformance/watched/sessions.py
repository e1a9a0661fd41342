"""Opens so many sessions, one after the other. On every tenth a child writes a byte, and the parent says goodbye.

It prints how many kilobytes belong to the watching process alone, after a third of them and at the end.
"""
import os
import socket
import struct
import sys

STARTUP = b"user\0poolproof\0database\0poolproof\0\0"


def memory_of_the_watch():
    # What it has written to: the pages of its program are its own or shared as others of the same program come and go.
    with open(f"/proc/{os.getppid()}/smaps_rollup") as lines:
        return sum(int(line.split()[1]) for line in lines if line.startswith("Private_Dirty"))


def session(number):
    client = socket.socket(socket.AF_UNIX)
    client.connect(os.environ["POOLPROOF_WATCH_SOCKET"])
    client.sendall(struct.pack("!ii", 8 + len(STARTUP), 196608) + STARTUP)
    assert client.recv(4096)[:1] == b"R", "the server asks for the password"
    if number % 10 == 0:
        child = os.fork()
        if child == 0:
            client.send(b"X")
            os._exit(0)
        os.waitpid(child, 0)
    else:
        client.sendall(b"X\0\0\0\4")
    client.shutdown(socket.SHUT_WR)
    while client.recv(4096):
        pass
    client.close()


sessions = int(sys.argv[1])
for number in range(sessions):
    session(number)
    if number == sessions // 3:
        early = memory_of_the_watch()
print(early, memory_of_the_watch())
