"""Frames to the collector by `POST /v1/up`, where MQTT brings no answer. Standard library only.

`http.client` has no deadline of its own, only one per read, and a server that trickles bytes
resets that: so a second thread ends the socket when the time is up, which wakes the first.
"""

import contextlib
import http.client
import socket
import ssl
import threading
import time
from typing import Final

from verbundwacht_agent.log import log_event
from verbundwacht_agent.peer import Peer, address
from verbundwacht_agent.post import MAX_ANSWER, Post

VIA: Final = "https"
_PATH: Final = "/v1/up"
_HEADERS: Final = {"Content-Type": "application/cose"}
_STORED: Final = 200
_REFUSED: Final = 400  # without a word: this frame, not the connection


def carry(
    post: Post, peer: Peer, context: ssl.SSLContext, patience_s: float, left_s: float
) -> None:
    """Everything is answered, or the connection failed, was silent too long, or time is up.

    patience_s: per read; left_s: for all of it. Raises nothing that the network causes.
    """
    end = time.monotonic() + left_s
    try:
        while not post.over:
            with contextlib.closing(_connect(peer, context, patience_s)) as tls:
                alarm = threading.Timer(max(0.0, end - time.monotonic()), _cut, args=(tls,))
                alarm.daemon = True
                alarm.start()
                try:
                    _exchange(post, peer, tls)
                finally:
                    alarm.cancel()
    except (OSError, ValueError, http.client.HTTPException) as problem:
        reason = str(problem) or type(problem).__name__
        log_event("try.failed", "warning", via=VIA, problem=reason, address=peer.https)


def _connect(peer: Peer, context: ssl.SSLContext, patience_s: float) -> ssl.SSLSocket:
    host, port = address(peer.https)
    plain = socket.create_connection((host, port), timeout=patience_s)
    return context.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False)


def _cut(tls: ssl.SSLSocket) -> None:
    """Whoever reads from the socket stops."""
    with contextlib.suppress(OSError):
        socket.socket.shutdown(tls, socket.SHUT_RDWR)  # SSLSocket's own would drop to plain text


def _exchange(post: Post, peer: Peer, tls: ssl.SSLSocket) -> None:
    """Frames went one by one, at least one of them, until the server ended the connection."""
    tls.do_handshake()
    host, port = address(peer.https)
    connection = http.client.HTTPConnection(host, port)
    connection.sock = tls
    while not post.over and connection.sock is not None:  # a new one would be without TLS
        for letter, raw in post.window(most=1):
            connection.request("POST", _PATH, raw, _HEADERS)
            response = connection.getresponse()
            answer = response.read(MAX_ANSWER + 1)
            if response.status == _REFUSED:
                post.set_aside(letter, "refused by the collector without a word")
            elif response.status != _STORED:
                raise http.client.HTTPException(f"status {response.status}")
            elif not post.take(answer, VIA) and not post.over:
                raise http.client.HTTPException("200, but the body does not answer the frame")
