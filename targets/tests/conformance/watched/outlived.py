"""The program ends, and when that is known its child writes a byte on its session."""
import os
import socket

client = socket.socket(socket.AF_UNIX)
client.connect(os.environ["POOLPROOF_WATCH_SOCKET"])
program = os.getpid()
if os.fork() == 0:
    # Until whoever started it has asked how it ended.
    while os.path.exists(f"/proc/{program}"):
        pass
    client.send(b"X")
