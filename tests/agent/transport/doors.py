"""Doors that misbehave: they swallow, lie, trickle or close, over real sockets and real TLS."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable

from tests.collector.ingest.fakes import HOST, Site


class Server:
    """A listening socket whose connections are given to a function, each in its thread."""

    def __init__(self, serve: Callable[[socket.socket], None]) -> None:
        self._serve = serve
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(connection)
            self._threads.append(threading.Thread(target=self._guarded, args=(connection,)))
            self._threads[-1].start()

    def _guarded(self, connection: socket.socket) -> None:
        with contextlib.closing(connection), contextlib.suppress(OSError, ValueError, IndexError):
            self._serve(connection)  # until the client goes away

    def __enter__(self) -> "Server":
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()


def swallow(connection: socket.socket) -> None:
    while connection.recv(4_096):
        pass


def behind_tls(
    site: Site, then: Callable[[ssl.SSLSocket], None]
) -> Callable[[socket.socket], None]:
    context = site.server_context()

    def serve(connection: socket.socket) -> None:
        with context.wrap_socket(connection.dup(), server_side=True) as secured:
            then(secured)

    return serve


def _read_packet(secured: ssl.SSLSocket) -> int:
    """The kind of the next packet, whose rest is dropped; these clients send short ones."""
    kind = secured.recv(1)[0]
    size, shift = 0, 0
    while True:
        byte = secured.recv(1)[0]
        size |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    while size:
        size -= len(secured.recv(size))
    return kind


def broker_without_collector(secured: ssl.SSLSocket) -> None:
    """Accepts everything, acknowledges every frame by PUBACK, and passes nothing on."""
    packet_id = 0
    while True:
        kind = _read_packet(secured) & 0xF0
        if kind == 0x10:
            secured.sendall(b"\x20\x03\x00\x00\x00")
        elif kind == 0x80:
            secured.sendall(b"\x90\x04\x00\x01\x00\x00")
        elif kind == 0x30:
            packet_id += 1
            secured.sendall(bytes((0x40, 2, 0, packet_id + 1)))
        else:
            return
