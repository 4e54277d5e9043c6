"""Files on their way through: on disk instead of in memory, nameless, gone with their last user or with the process.

A file without a name is found by nobody else on the machine, and a crash leaves nothing behind. It lies where the
system keeps temporary files; TMPDIR names another place. Reading and writing a piece takes less than handing it to a
thread would, so both are done where they are asked for.
"""

from __future__ import annotations

import errno
import io
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Self

PIECE = 48 * 1024
"""Bytes read at once; divisible by three, so that pieces become base64 one by one."""


class FileNotKept(Exception):
    """There is no room for a file, or it cannot be read again; says where and why, for an operator."""

    def __init__(self, error: OSError) -> None:
        try:
            place = f"temporary files lie in {tempfile.gettempdir()}, TMPDIR moves them"
        except OSError:
            place = "no folder for temporary files can be written to, TMPDIR names one"
        super().__init__(f"{error.strerror or type(error).__name__}; {place}")


class HeldFile:
    """Some bytes, read as often as needed, also by several readers at once; `close` frees them."""

    def __init__(self) -> None:
        """An empty file on disk. Raises `FileNotKept`."""
        try:
            # Unbuffered: what a full disk did not take must not be tried again when the file is closed.
            self._file: io.RawIOBase | io.BytesIO = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115
        except OSError as error:
            raise FileNotKept(error) from None
        self.size = 0

    @classmethod
    def of(cls, content: bytes) -> Self:
        """These bytes, in memory."""
        held = cls.__new__(cls)
        held._file, held.size = io.BytesIO(content), len(content)
        return held

    def add(self, piece: bytes) -> None:
        """Put a piece at the end. Raises `FileNotKept`."""
        rest = memoryview(piece)
        try:
            self._file.seek(self.size)
            while rest:
                written = self._file.write(rest) or 0
                self.size += written
                rest = rest[written:]
        except OSError as error:
            raise FileNotKept(error) from None

    def head(self, count: int) -> bytes:
        """The first `count` bytes, fewer when there are no more. Raises `FileNotKept`."""
        return self._read(0, min(count, self.size))

    def pieces(self, size: int = PIECE) -> Iterator[bytes]:
        """The bytes from the beginning, `size` at a time, the last piece shorter. Raises `FileNotKept`."""
        for start in range(0, self.size, size):
            yield self._read(start, min(size, self.size - start))

    def whole(self) -> bytes:
        """All bytes at once, for whoever can do with nothing less. Raises `FileNotKept`."""
        return self._read(0, self.size)

    def _read(self, start: int, count: int) -> bytes:
        try:
            self._file.seek(start)
            found = self._file.read(count) or b""
            while len(found) < count and (more := self._file.read(count - len(found))):
                found += more
        except OSError as error:
            raise FileNotKept(error) from None
        if len(found) < count:
            raise FileNotKept(OSError(errno.EIO, "a temporary file was cut short"))
        return found

    @contextmanager
    def lent(self) -> Iterator[int]:
        """A descriptor for another process, which can read the bytes with it and not change them. Raises `FileNotKept`.

        What is held in memory is written to disk for it.
        """
        with ExitStack() as stack:
            on_disk = self if isinstance(self._file, io.RawIOBase) else stack.enter_context(HeldFile())
            if on_disk is not self:
                for piece in self.pieces():
                    on_disk.add(piece)
            try:
                descriptor = os.open(f"/dev/fd/{on_disk._file.fileno()}", os.O_RDONLY)
            except OSError as error:
                raise FileNotKept(error) from None
            stack.callback(os.close, descriptor)
            yield descriptor

    @contextmanager
    def filled(self) -> Iterator[int]:
        """A descriptor for another process, which writes what this file then holds. Raises `FileNotKept`."""
        descriptor = self._file.fileno()
        yield descriptor
        try:
            self.size = os.fstat(descriptor).st_size
        except OSError as error:
            raise FileNotKept(error) from None

    def close(self) -> None:
        """Free the bytes; what reads them afterwards fails. Any number of times."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
