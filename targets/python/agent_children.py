"""How a child is made: by a system call, or by multiprocessing."""

import ctypes
import multiprocessing
import os
import signal

SYS_CLONE3, SYS_CLONE = 435, {"x86_64": 56, "aarch64": 220}.get(os.uname().machine)


def by_system_call(kind):
    """What the call returned: zero in the child."""
    if kind == "fork":
        return os.fork()
    # Without the hooks of Python and of the C library, as a library in C would do it.
    system = ctypes.PyDLL(None, use_errno=True).syscall
    if kind == "clone":
        pid = system(SYS_CLONE, signal.SIGCHLD, 0, 0, 0, 0)
    else:
        wanted = ctypes.c_int(kind["with-pid"])
        arguments = (ctypes.c_uint64 * 11)(*[0] * 4, signal.SIGCHLD, *[0] * 3, ctypes.addressof(wanted), 1, 0)
        pid = system(SYS_CLONE3, ctypes.byref(arguments), ctypes.sizeof(arguments))
    if pid < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return pid


def by_multiprocessing(life):
    """A fork, after which the child lives inside multiprocessing: it ends by `os._exit`, and no finaliser runs at its end."""
    start(multiprocessing.get_context("fork").Process(target=life))


def by_spawn(life, *arguments):
    """Another interpreter, which imports the program's modules again."""
    start(multiprocessing.get_context("spawn").Process(target=life, args=arguments))


def start(process):
    process.start()
    # Neither the parent's end nor its next child waits for this one: who is reaped, and when, is for the coordinator to say.
    multiprocessing.process._children.discard(process)
