"""System calls that no reader needs, taken from it before the first hostile byte: a filter of our own (seccomp, BPF).

It holds in every jail alike: under bubblewrap, under the parser's unit, and where there are limits alone.  What is not
named here passes; the names are what an intruder would try.  Refused calls fail with EPERM, so that a library that
only asks goes on.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
from collections.abc import Iterator

# name, number on x86-64, number on arm64 (0: there is none)
_REFUSED = """
socket 41 198, socketpair 53 199, connect 42 203, bind 49 200, listen 50 201, accept 43 202, accept4 288 242,
sendto 44 206, sendmsg 46 211, recvmsg 47 212,
ptrace 101 117, process_vm_readv 310 270, process_vm_writev 311 271, pidfd_open 434 434, pidfd_getfd 438 438,
pidfd_send_signal 424 424, tkill 200 130, rt_sigqueueinfo 129 138, rt_tgsigqueueinfo 297 240,
mount 165 40, umount2 166 39, pivot_root 155 41, chroot 161 51, unshare 272 97, setns 308 268, open_tree 428 428,
move_mount 429 429, fsopen 430 430, fsconfig 431 431, fsmount 432 432, fspick 433 433, mount_setattr 442 442,
mknod 133 0, mknodat 259 33, open_by_handle_at 304 265,
setuid 105 146, setgid 106 144, setreuid 113 145, setregid 114 143, setresuid 117 147, setresgid 119 149,
setgroups 116 159, setfsuid 122 151, setfsgid 123 152, capset 126 91, setrlimit 160 164, personality 135 92,
keyctl 250 219, add_key 248 217, request_key 249 218, bpf 321 280, perf_event_open 298 241, userfaultfd 323 282,
io_uring_setup 425 425, init_module 175 105, finit_module 313 273, delete_module 176 106, kexec_load 246 104,
kexec_file_load 320 294, reboot 169 142, swapon 167 224, swapoff 168 225, acct 163 89, quotactl 179 60, iopl 172 0,
ioperm 173 0, sethostname 170 161, setdomainname 171 162, settimeofday 164 170, clock_settime 227 112,
adjtimex 159 171, clock_adjtime 305 266, syslog 103 116
"""
# new processes and programs, which only the engine that is a program of its own needs
_CHILDREN = "fork 57 0, vfork 58 0, execve 59 221, execveat 322 281"
_CLONE, _CLONE3, _KILL, _TGKILL = (56, 220), (435, 435), (62, 129), (234, 131)
_MMAP, _MPROTECT, _PKEY_MPROTECT, _SHMAT, _PRLIMIT = (9, 222), (10, 226), (329, 288), (30, 196), (302, 261)

_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
_LOAD, _AND, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x06  # BPF: word at, and, jump if =, jump if ≥, answer
_ALLOW, _EPERM, _ENOSYS = 0x7FFF0000, 0x00050001, 0x00050026
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16  # offsets in seccomp_data
_X32 = 0x40000000  # a second set of numbers on x86-64

_THREAD = 0x00010000  # CLONE_THREAD
_NAMESPACES = 0x7E020000  # CLONE_NEW*
_WRITE_EXEC, _EXEC, _SHM_EXEC = 6, 4, 0o100000

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def refuse(children: bool) -> bool:
    """From here on, in this thread and all that it starts; False where this machine's calls are not known.

    `children`: new processes are allowed (in no new namespace), and signals to them.
    """
    known = _MACHINES.get(platform.machine())
    if known is None:
        return False
    code = b"".join(_program(*known, children, os.getpid()))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        return False
    program = _Program(len(code) // 8, code)
    return not libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0)


def _program(column: int, architecture: int, children: bool, pid: int) -> Iterator[bytes]:
    yield _step(_LOAD, _ARCHITECTURE)
    yield _step(_EQUAL, architecture, 1, 0)
    yield _step(_RETURN, _EPERM)
    yield _step(_LOAD, _NUMBER)
    yield _step(_AT_LEAST, _X32, 0, 1)
    yield _step(_RETURN, _EPERM)
    for number in _numbers(_REFUSED + ("" if children else "," + _CHILDREN), column):
        yield from _answer(number, _EPERM)
    yield from _answer(_CLONE3[column], _ENOSYS)  # its flags lie in memory; the C library then takes clone
    if children:
        yield from _judge(_CLONE[column], _masked(0, _NAMESPACES, 0, same=True))
    else:
        yield from _judge(_CLONE[column], _masked(0, _THREAD, _THREAD, same=True))
        for call in (_KILL, _TGKILL):  # a process may end itself
            yield from _judge(call[column], _masked(0, 0xFFFFFFFF, pid, same=True))
    # memory that can be written is never run, or the other way round (as MemoryDenyWriteExecute=)
    yield from _judge(_MMAP[column], _masked(2, _WRITE_EXEC, _WRITE_EXEC, same=False))
    for call in (_MPROTECT, _PKEY_MPROTECT):
        yield from _judge(call[column], _masked(2, _EXEC, _EXEC, same=False))
    yield from _judge(_SHMAT[column], _masked(2, _SHM_EXEC, _SHM_EXEC, same=False))
    # limits may be asked for (no new ones given: the third argument is 0), not changed
    asked = [_step(_LOAD, _ARGUMENTS + 16), _step(_EQUAL, 0, 0, 3), _step(_LOAD, _ARGUMENTS + 20), _step(_EQUAL, 0, 0, 1)]
    yield from _judge(_PRLIMIT[column], [*asked, _step(_RETURN, _ALLOW), _step(_RETURN, _EPERM)])
    yield _step(_RETURN, _ALLOW)


def _step(code: int, value: int, true: int = 0, false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, true, false, value)


def _answer(number: int, verdict: int) -> list[bytes]:
    return [_step(_EQUAL, number, 0, 1), _step(_RETURN, verdict)]


def _judge(number: int, body: list[bytes]) -> list[bytes]:
    """`body`, which always answers, for one call."""
    return [_step(_EQUAL, number, 0, len(body)), *body]


def _masked(argument: int, mask: int, value: int, *, same: bool) -> list[bytes]:
    """Whether the argument's lower word under the mask is the value (`same`) or is not: allowed, else refused."""
    first, second = (_ALLOW, _EPERM) if same else (_EPERM, _ALLOW)
    load = [_step(_LOAD, _ARGUMENTS + 8 * argument), _step(_AND, mask)]
    return [*load, _step(_EQUAL, value, 0, 1), _step(_RETURN, first), _step(_RETURN, second)]


def _numbers(table: str, column: int) -> list[int]:
    entries = [entry.split() for entry in table.split(",")]
    return sorted(int(entry[1 + column]) for entry in entries if int(entry[1 + column]))
