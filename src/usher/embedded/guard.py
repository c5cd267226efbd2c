"""Run one program for as long as one other process lives. A script: never imported.

Why a process between usher and its servers, and not only a death signal: PR_SET_PDEATHSIG
follows the *thread* that forked (a server started from a thread pool would die with its
thread) and macOS has none. A pipe whose other end only usher holds closes when usher dies, for
whatever reason. This process has one thread, so here the death signal is sound, and it
covers the case left open: somebody kills the guard itself.

The lock file is inherited by the program and by all its children, so that *the lock is free*
means *nothing of the last run is alive*: no pid has to be trusted after a crash. Usher waits
for that before it starts a guard.

stdin: end of file means stop in order, `k` means kill at once. Exits with the program's
own exit code, 128 + the signal that ended it, or 75 when an earlier run does not go away.
"""

import ctypes
import fcntl
import json
import os
import select
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

STILL_RUNNING = 75
HANDLED = (signal.SIGCHLD, signal.SIGINT, signal.SIGHUP, signal.SIGTERM)
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
POLL_S = 1.0  # the parent is also looked at this often: a fork of it could hold the pipe open


class Guard:
    def __init__(self, order: dict[str, Any]) -> None:
        self.order = order
        self.ending = False
        self.inputs = [0]
        self.libc = ctypes.CDLL(None) if sys.platform == "linux" else None
        self.woken, wake = os.pipe()
        os.set_blocking(self.woken, False)
        os.set_blocking(wake, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        # Handlers, not SIG_IGN, which a program would inherit. Ctrl-C is for usher to answer.
        for number in HANDLED:
            signal.signal(number, self.on_signal)

    def on_signal(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGTERM:
            self.ending = True

    def run(self) -> int:
        lock = os.open(self.order["lock"], os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            log("an earlier run is still alive")
            return STILL_RUNNING
        if self.libc is not None:
            self.libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        pid = spawn(self.order, lock, self.libc)
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{pid}\n".encode(), 0)
        return self.watch(pid)

    def watch(self, pid: int) -> int:
        steps = [(number, seconds) for number, seconds in self.order["stop"]]
        due = float("inf")
        while True:
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                end_survivors(pid)
                code = os.waitstatus_to_exitcode(status)
                return code if code >= 0 else 128 - code
            if self.ending and (due == float("inf") or time.monotonic() >= due):
                number, seconds = steps.pop(0) if steps else (signal.SIGKILL, POLL_S)
                os.kill(pid, number)
                due = time.monotonic() + seconds
            if self.listen(min(POLL_S, max(0.0, due - time.monotonic()))):
                signal_group(pid, signal.SIGKILL)

    def listen(self, timeout: float) -> bool:
        """Sleep until something happens; true when told to kill."""
        ready, _, _ = select.select([*self.inputs, self.woken], [], [], timeout)
        if self.woken in ready:
            os.read(self.woken, 512)
        said = os.read(0, 64) if 0 in ready else None
        if said == b"":
            self.inputs = []
        if said == b"" or os.getppid() != self.order["parent"]:
            self.ending = True
        return bool(said)


def end_survivors(group: int) -> None:
    """End what the program left behind: a fork rewriting a log, or, when PostgreSQL was killed,
    its busy backends, which would go on until they next wait for something.

    On Linux such processes become our children, so that none can be missed.
    """
    signal_group(group, signal.SIGKILL)
    me, late = os.getpid(), time.monotonic() + 5.0
    while time.monotonic() < late:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                for pid in children(me):
                    os.kill(pid, signal.SIGKILL)
                time.sleep(0.01)
        except ChildProcessError:
            return


def children(parent: int) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            facts = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # gone meanwhile
        if facts[1] == str(parent):
            found.append(int(entry.name))
    return found


def spawn(order: dict[str, Any], lock: int, libc: ctypes.CDLL | None) -> int:
    # All that may fail or allocate is done before the fork.
    null = os.open(os.devnull, os.O_RDWR)
    guard = os.getpid()
    # Between fork and exec a signal would meet the guard's handlers and be lost: it waits.
    signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)
    pid = os.fork()
    if pid == 0:
        try:
            become(order, lock, null, libc, guard)
        except BaseException as fault:  # noqa: BLE001 - the child may not return from here
            log(f"cannot run {order['command'][0]}: {fault}")
        finally:
            os._exit(127)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)
    os.close(null)
    return pid


def become(
    order: dict[str, Any], lock: int, null: int, libc: ctypes.CDLL | None, guard: int
) -> NoReturn:
    signal.set_wakeup_fd(-1)
    for number in (*HANDLED, signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores the last two
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)
    os.setpgid(0, 0)
    os.umask(0o077)
    os.dup2(null, 0)
    os.set_inheritable(lock, True)
    if order["user"] is not None:
        uid, gid = order["user"]
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    os.chdir(order["cwd"])
    if libc is not None:
        libc.prctl(PR_SET_PDEATHSIG, int(order["death"]), 0, 0, 0)  # setuid would clear it
        if os.getppid() != guard:
            os._exit(127)  # it died before the death signal was set
    os.execve(order["command"][0], order["command"], order["env"])  # noqa: S606


def signal_group(group: int, number: int) -> None:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):  # macOS says EPERM of a group of zombies
        return


def log(line: str) -> None:
    os.write(2, f"usher: {line}\n".encode())


if __name__ == "__main__":
    sys.exit(Guard(json.loads(sys.argv[1])).run())
