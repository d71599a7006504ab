"""A writer of RAR 5 archives that only stores, and of locked 7z headers: no free program writes either."""

from __future__ import annotations

import struct
import zlib

MARK = b"Rar!\x1a\x07\x01\x00"


def _number(value: int) -> bytes:
    """Seven bits a byte, the lowest first; the high bit says that more follow."""
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def _block(kind: int, flags: int, fields: bytes, data: bytes = b"") -> bytes:
    body = _number(kind) + _number(flags | (2 if data else 0)) + (_number(len(data)) if data else b"") + fields
    sized = _number(len(body)) + body
    return struct.pack("<I", zlib.crc32(sized)) + sized + data


def rar(members: dict[str, bytes], *, volume: bool = False) -> bytes:
    """An archive of stored files; `volume`: it says that others belong to it."""
    out = MARK + _block(1, 0, _number(1 if volume else 0))
    for name, raw in members.items():
        called = name.encode()
        fields = _number(4) + _number(len(raw)) + _number(0o100644) + struct.pack("<I", zlib.crc32(raw))
        fields += _number(0) + _number(1) + _number(len(called)) + called  # stored, made on Unix
        out += _block(2, 0, fields, raw)
    return out + _block(5, 0, _number(1 if volume else 0))


def locked_rar() -> bytes:
    """One whose very names are encrypted."""
    return MARK + _block(4, 0, _number(0) + _number(0) + b"\x0f" + bytes(16)) + bytes(range(64))


def locked_7z() -> bytes:
    """An archive of one file that is packed by AES (coder 06F10701), as 7-Zip writes it when names are left open."""
    packed = bytes(range(32))
    coder = b"\x01" + b"\x24\x06\xf1\x07\x01" + b"\x02\x13\x00"
    folders = b"\x07\x0b\x01\x00" + coder + b"\x0c" + bytes([len(packed)]) + b"\x00"
    streams = b"\x04" + b"\x06\x00\x01\x09" + bytes([len(packed)]) + b"\x00" + folders + b"\x08\x00" + b"\x00"
    name = "report.pdf\0".encode("utf-16-le")
    files = b"\x05\x01\x11" + bytes([len(name) + 1]) + b"\x00" + name + b"\x00"
    header = b"\x01" + streams + files + b"\x00"
    start = struct.pack("<QQI", len(packed), len(header), zlib.crc32(header))
    return b"7z\xbc\xaf\x27\x1c\x00\x04" + struct.pack("<I", zlib.crc32(start)) + start + packed + header
