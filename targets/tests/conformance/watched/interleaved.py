"""Does what an interleaving says, without poolproof: steps of one process after the other, as they stand in the file.

interleaved.py FILE URL

At its end each child gives back what it holds, and the first process asks on what it holds: what fails then ends the program.
"""
import os
import sys

import sqlalchemy

held, pools, begun = {}, [], set()


def do(word, *names):
    if word == "open":
        pools.append(sqlalchemy.create_engine(sys.argv[2], future=True))
    elif word == "checkout":
        held[names[0]] = pools[-1].connect()
    elif word == "query":
        held[names[0]].exec_driver_sql("SELECT 1").one()
        if names[0] not in begun:
            held[names[0]].commit()
    elif word in ("begin", "commit", "rollback"):
        getattr(held[names[0]], word)()
        begun.add(names[0]) if word == "begin" else begun.discard(names[0])
    elif word == "return":
        held.pop(names[0]).close()
    elif word in ("dispose", "drop-pool"):
        pools[-1].dispose() if word == "dispose" else pools.pop()
    elif word == "exit":
        os._exit(0)
    else:
        sys.exit(f"'{word}' is not known here")


def live(me, steps):
    """The steps of one process; a child lives its whole life when it is forked."""
    for number, (who, word, *names) in enumerate(steps):
        if who != me:
            continue
        if word == "fork":
            if os.fork() == 0:
                live(names[0], steps[number + 1:])
                for name in list(held):
                    do("return", name)
                os._exit(0)
            os.wait()
        else:
            do(word, *names)


with open(sys.argv[1]) as file:
    lines = [line.split() for line in file]
live("p0", [words for words in lines if words and words[0][0] == "p" and words[0][1:].isdigit()])
for name in held:
    do("query", name)
print("every step went well")
