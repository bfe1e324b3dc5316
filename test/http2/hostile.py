# A client of HTTP/2 that breaks its rules, over python3-h2: its connection and HPACK are those of h2, and
# what h2 would refuse to send goes past it. The cases are those of h2spec's groups, by sections of RFC 9113
# and RFC 7541.
#
#   usage: hostile.py PORT GROUP TOKEN
#
# Prints a line of JSON for each case of the group: its name, and what the server did.
#   "connection: CODE"       GOAWAY, and the end
#   "stream: CODE, then 200" RST_STREAM, and the connection goes on
#   "200"                    the status of the last request's answer
#   "closed"                 the end, without a GOAWAY
#   "nothing"                a ping behind it was answered, and nothing else came

import json
import socket
import struct
import sys

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from hpack import Decoder
from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH

DATA, HEADERS, PRIORITY, RESET, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITIZED = 1, 1, 4, 8, 32
PATIENCE = 30  # seconds without a byte, after which a case fails
LAST_STREAM = 1001


def frame(kind, flags, stream, payload=b"", size=None):
    size = len(payload) if size is None else size
    return struct.pack(">I", size)[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def number(value):
    return struct.pack(">I", value)


def setting(identifier, value):
    return struct.pack(">HI", identifier, value)


def fields(method="GET", path="/o/files/small", *more):
    return [(":method", method), (":scheme", "http"), (":path", path), (":authority", "localhost"), *more]


class Client:
    def __init__(self, port, preface=None):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        own = H2Configuration(validate_outbound_headers=False, normalize_outbound_headers=False)
        self.h2 = H2Connection(own)
        self.h2.initiate_connection()
        begins = self.h2.data_to_send()
        self.socket.sendall(begins if preface is None else preface)
        self.encoder = self.h2.encoder
        self.decoder = Decoder()
        self.received = b""

    def block(self, *given):
        return self.encoder.encode(given[0] if given else fields())

    def send(self, *frames):
        self.socket.sendall(b"".join(frames))

    def ping(self, payload):
        try:
            self.send(frame(PING, 0, 0, payload))
        except (BrokenPipeError, ConnectionResetError):
            pass  # what came before that is read yet

    def ask(self, stream=1, ends=True, *given):
        flags = END_HEADERS | (END_STREAM if ends else 0)
        self.send(frame(HEADERS, flags, stream, self.block(*given)))

    def read(self, size):
        while len(self.received) < size:
            try:
                more = self.socket.recv(65536)
            except ConnectionResetError:
                more = b""
            if not more:
                return None
            self.received += more
        out, self.received = self.received[:size], self.received[size:]
        return out

    def next(self):
        """Kind, flags, stream and payload of the next frame, or the status of a head; None at the end."""
        head = self.read(9)
        if head is None:
            return None
        size = int.from_bytes(head[:3], "big")
        kind, flags, stream = struct.unpack(">BBI", head[3:])
        payload = self.read(size)
        if payload is None:
            return None
        # Each block has to be decoded: later ones refer to it.
        if kind == HEADERS:
            payload = dict(self.decoder.decode(payload))[":status"]
        return kind, flags, stream, payload

    def answer(self, stream):
        """Reads until the head of the answer on this stream."""
        while (got := self.next()) is not None:
            if got[0] == HEADERS and got[2] == stream:
                return got[3]
        return "closed"

    def answer_or_end(self):
        """The status of the last stream's answer, or how the connection ended before."""
        while (got := self.next()) is not None:
            kind, _, stream, payload = got
            if kind == GOAWAY:
                return f"connection: {ErrorCodes(int.from_bytes(payload[4:8], 'big')).name}"
            if kind == HEADERS and stream == LAST_STREAM:
                return payload
        return "closed"

    def fate(self):
        """What came of all that was sent."""
        # The answer to a ping overtakes resets, so a second one follows it.
        pings = [b"ping the", b"last one"]
        self.ping(pings[0])
        seen, last = None, None
        while (got := self.next()) is not None:
            kind, flags, stream, payload = got
            if kind == GOAWAY:
                last = f"connection: {ErrorCodes(int.from_bytes(payload[4:8], 'big')).name}"
            elif kind == HEADERS:
                seen = payload
            elif kind == RESET:
                seen = f"stream: {ErrorCodes(int.from_bytes(payload, 'big')).name}"
                break
            elif kind == PING and payload == pings[0]:
                self.ping(pings[1])
            elif kind == PING and payload == pings[1]:
                break
        else:
            return last or "closed"
        if seen and seen.startswith("stream"):
            self.ask(LAST_STREAM)
            return f"{seen}, then {self.answer(LAST_STREAM)}"
        return seen or "nothing"


def asked(*frames):
    """Frames, and a request behind them, which is answered if the connection goes on."""

    def case(client):
        client.send(*frames)
        client.ask(LAST_STREAM)
        return client.answer_or_end()

    return case


def sent(*frames):
    def case(client):
        client.send(*frames)
        return client.fate()

    return case


# --- 4.2 and 6: sizes of frames ---


def begin_upload(client, stream=1):
    client.ask(stream, False, fields("PUT", "/o/files/hostile", ("authorization", f"Bearer {sys.argv[3]}")))


def upload(client, *frames):
    begin_upload(client)
    client.send(*frames)
    return client.fate()


SIZES = {
    "DATA of 16384 bytes": lambda c: upload(c, frame(DATA, 0, 1, bytes(16384))),
    "DATA of 16385 bytes": lambda c: upload(c, frame(DATA, 0, 1, bytes(16385))),
    "HEADERS of 16385 bytes": sent(frame(HEADERS, END_HEADERS | END_STREAM, 1, bytes(16385))),
    "a frame that says 16 MiB": sent(frame(DATA, 0, 1, b"", 0xFFFFFF)),
    "PRIORITY of 4 bytes": sent(frame(PRIORITY, 0, 1, bytes(4))),
    "RST_STREAM of 3 bytes": lambda c: upload(c, frame(RESET, 0, 1, bytes(3))),
    "SETTINGS of 5 bytes": sent(frame(SETTINGS, 0, 0, bytes(5))),
    "an acknowledgement of SETTINGS with a setting": sent(frame(SETTINGS, ACK, 0, setting(3, 1))),
    "PING of 6 bytes": sent(frame(PING, 0, 0, bytes(6))),
    "GOAWAY of 7 bytes": sent(frame(GOAWAY, 0, 0, bytes(7))),
    "WINDOW_UPDATE of 3 bytes": sent(frame(WINDOW, 0, 0, bytes(3))),
    "padding longer than DATA": lambda c: upload(c, frame(DATA, PADDED, 1, b"\x05abc")),
    "padding longer than HEADERS": sent(frame(HEADERS, END_HEADERS | PADDED, 1, b"\xff\x82\x87")),
    "DATA with a flag that nobody knows": lambda c: upload(c, frame(DATA, 0x16, 1, b"abc")),
}

# --- 5.1.1 and 6: frames on streams that they are not for ---

STREAMS = {
    "DATA": sent(frame(DATA, 0, 0, b"abc")),
    "HEADERS": sent(frame(HEADERS, END_HEADERS, 0, b"\x82")),
    "PRIORITY": sent(frame(PRIORITY, 0, 0, bytes(5))),
    "RST_STREAM": sent(frame(RESET, 0, 0, number(8))),
    "CONTINUATION": sent(frame(CONTINUATION, END_HEADERS, 0, b"\x82")),
    "SETTINGS on stream 1": sent(frame(SETTINGS, 0, 1, setting(3, 1))),
    "PING on stream 1": sent(frame(PING, 0, 1, bytes(8))),
    "GOAWAY on stream 1": sent(frame(GOAWAY, 0, 1, bytes(8))),
    "PUSH_PROMISE": lambda c: upload(c, frame(PUSH, END_HEADERS, 1, number(2) + b"\x82")),
    "a request on stream 2": lambda c: (c.ask(2), c.fate())[1],
    "a request on a stream below the last": lambda c: (c.ask(5), c.answer(5), c.ask(3), c.fate())[3],
}

# --- 5.1: frames that the state of their stream does not allow ---


def after_answer(client, *frames):
    """Behind a whole request, whose answer stands still for want of a window."""
    client.send(frame(SETTINGS, 0, 0, setting(4, 0)))
    client.ask()
    assert client.answer(1) == "200"
    client.send(*frames)
    return client.fate()


def after_reset(client, *frames):
    begin_upload(client)
    client.send(frame(RESET, 0, 1, number(8)), *frames)
    client.ask(LAST_STREAM)
    return client.answer_or_end()


def after_end(client, *frames):
    client.ask()
    while (got := client.next()) and not (got[2] == 1 and got[1] & END_STREAM and got[0] in (DATA, HEADERS)):
        pass
    client.send(*frames)
    return client.fate()


STATES = {
    "idle: DATA": sent(frame(DATA, END_STREAM, 1, b"abc")),
    "idle: RST_STREAM": sent(frame(RESET, 0, 1, number(8))),
    "idle: WINDOW_UPDATE": sent(frame(WINDOW, 0, 1, number(1))),
    "idle: CONTINUATION": sent(frame(CONTINUATION, END_HEADERS, 1, b"\x82")),
    "idle: PRIORITY": asked(frame(PRIORITY, 0, 3, number(0) + b"\x10")),
    "half closed: DATA": lambda c: after_answer(c, frame(DATA, END_STREAM, 1, b"abc")),
    "half closed: HEADERS": lambda c: after_answer(c, frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\x82")),
    "half closed: CONTINUATION": lambda c: after_answer(c, frame(CONTINUATION, END_HEADERS, 1, b"\x82")),
    "half closed: WINDOW_UPDATE": lambda c: after_answer(c, frame(WINDOW, 0, 1, number(1))),
    "reset by the client: DATA": lambda c: after_reset(c, frame(DATA, END_STREAM, 1, b"abc")),
    "reset by the client: CONTINUATION": lambda c: after_reset(c, frame(CONTINUATION, END_HEADERS, 1)),
    "reset by the client: WINDOW_UPDATE": lambda c: after_reset(c, frame(WINDOW, 0, 1, number(1))),
    "ended: DATA": lambda c: after_end(c, frame(DATA, END_STREAM, 1, b"abc")),
    "ended: HEADERS": lambda c: after_end(c, frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\x82")),
    "ended: WINDOW_UPDATE": lambda c: after_end(c, frame(WINDOW, 0, 1, number(1))),
    "ended: RST_STREAM": lambda c: after_end(c, frame(RESET, 0, 1, number(8))),
}

# --- 4.3, 6.10 and RFC 7541: heads ---


def in_pieces(between, last=b""):
    def case(client):
        block = client.block()
        client.send(frame(HEADERS, END_STREAM, 1, block[:3]), between)
        client.send(frame(CONTINUATION, END_HEADERS, 1, block[3:]), last)
        return client.fate()

    return case


def head(client, *bytes_of_block):
    client.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, b"".join(bytes_of_block)))
    return client.fate()


def coded(bits):
    """A head with a field whose value has these bits, as Huffman's."""
    value = int(bits, 2).to_bytes(len(bits) // 8, "big")
    return lambda client: head(client, client.block(), b"\x00\x01x" + bytes([0x80 | len(value)]) + value)


def bits_of(text):
    return "".join(f"{REQUEST_CODES[b]:0{REQUEST_CODES_LENGTH[b]}b}" for b in text)


EOS = f"{REQUEST_CODES[256]:0{REQUEST_CODES_LENGTH[256]}b}"


def filled(bits, with_bit):
    return bits + with_bit * (-len(bits) % 8)


def second_head(client, ends, *given):
    begin_upload(client)
    client.send(frame(DATA, 0, 1, b"abc"))
    client.ask(1, ends, *given)
    return client.fate()


def padded_and_prioritized(client):
    block = client.block()
    flags = END_HEADERS | END_STREAM | PADDED | PRIORITIZED
    client.send(frame(HEADERS, flags, LAST_STREAM, b"\x03" + number(0) + b"\x10" + block + bytes(3)))
    return client.answer_or_end()


def smaller_table(client):
    """SETTINGS of the server allow a table of 4096 bytes; a smaller one is announced by the block."""
    client.encoder.header_table_size = 64
    client.ask(LAST_STREAM)
    return client.answer_or_end()


def table_that_evicts(client):
    for n in range(40):
        client.ask(2 * n + 1, True, fields("HEAD", "/o/files/small", (f"x-{n}", "y" * 300)))
    client.ask(LAST_STREAM)
    return client.answer_or_end()


HEADS = {
    "a block that breaks off": lambda c: head(c, b"\x82\x87\x00\x05ab"),
    "an index of 0": lambda c: head(c, c.block(), b"\x80"),
    "an index beyond the table": lambda c: head(c, c.block(), b"\xff\x20"),
    "an integer without an end": lambda c: head(c, c.block(), b"\xff" + b"\xff" * 10 + b"\x7f"),
    "a size of the table above the limit": lambda c: head(c, b"\x3f\xe2\x1f", c.block()),
    "a size of the table at the end of a block": lambda c: head(c, c.block(), b"\x20"),
    "a size of the table that is smaller": smaller_table,
    "a table from which entries go": table_that_evicts,
    "Huffman with more than 7 bits of padding": coded(filled(bits_of(b"a"), "1") + "1" * 8),
    "Huffman with padding of zeros": coded(filled(bits_of(b"a"), "0")),
    "Huffman with the end of the string in it": coded(filled(bits_of(b"a") + EOS, "1")),
    "PRIORITY before CONTINUATION": in_pieces(frame(PRIORITY, 0, 1, number(0) + b"\x10")),
    "DATA before CONTINUATION": in_pieces(frame(DATA, 0, 1, b"abc")),
    "a type that nobody knows before CONTINUATION": in_pieces(frame(77, 0, 0, b"abc")),
    "HEADERS of another stream before CONTINUATION": in_pieces(frame(HEADERS, END_HEADERS, 3, b"\x82")),
    "CONTINUATION of another stream": in_pieces(frame(CONTINUATION, 0, 3)),
    "CONTINUATION behind the end of the head": in_pieces(b"", frame(CONTINUATION, END_HEADERS, 1)),
    "a head with padding and priority": padded_and_prioritized,
    "trailers without END_STREAM": lambda c: second_head(c, False, [("x", "y")]),
    "trailers with a pseudo-header field": lambda c: second_head(c, True, [(":path", "/")]),
    "trailers with a name in upper case": lambda c: second_head(c, True, [("X", "y")]),
}

# --- 3.4 and 6.5.2: the preface, and values of settings ---


def with_preface(preface):
    def case(port):
        return Client(port, preface).fate()

    case.opens = True
    return case


MAGIC = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

BEGINNINGS = {
    "ENABLE_PUSH 2": sent(frame(SETTINGS, 0, 0, setting(2, 2))),
    "INITIAL_WINDOW_SIZE 2^31": sent(frame(SETTINGS, 0, 0, setting(4, 1 << 31))),
    "MAX_FRAME_SIZE 16383": sent(frame(SETTINGS, 0, 0, setting(5, 16383))),
    "MAX_FRAME_SIZE 2^24": sent(frame(SETTINGS, 0, 0, setting(5, 1 << 24))),
    "a setting that nobody knows": asked(frame(SETTINGS, 0, 0, setting(0x7777, 1))),
    "HEADER_TABLE_SIZE 2^32-1": asked(frame(SETTINGS, 0, 0, setting(1, 0xFFFFFFFF))),
    "MAX_HEADER_LIST_SIZE 0": asked(frame(SETTINGS, 0, 0, setting(6, 0))),
    "an acknowledgement of a ping that nobody sent": asked(frame(PING, ACK, 0, bytes(8))),
    "an acknowledgement of SETTINGS that nobody sent": asked(2 * frame(SETTINGS, ACK, 0)),
    "the preface without SETTINGS": with_preface(MAGIC + frame(PING, 0, 0, bytes(8))),
    "the preface, and an acknowledgement as its SETTINGS": with_preface(MAGIC + frame(SETTINGS, ACK, 0)),
    "the preface twice": with_preface(MAGIC + frame(SETTINGS, 0, 0) + MAGIC),
    "HTTP/1.1 behind the preface": with_preface(MAGIC + b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
}

# --- 6.9: windows ---


def bytes_in(client, stream, until):
    """Bytes of DATA of a stream, which has to be all of them."""
    count = 0
    while count < until and (got := client.next()) is not None:
        if got[0] == DATA and got[2] == stream:
            count += len(got[3])
    client.send(frame(PING, 0, 0, b"no more?"))
    while (got := client.next()) is not None and got[3] != b"no more?":
        if got[0] == DATA and got[2] == stream:
            count += len(got[3])
    return f"{count} bytes"


def window_of_one(client):
    client.send(frame(SETTINGS, 0, 0, setting(4, 1)))
    client.ask()
    return bytes_in(client, 1, 1)


def window_that_grows(client):
    client.send(frame(SETTINGS, 0, 0, setting(4, 0)))
    client.ask()
    client.answer(1)
    client.send(frame(SETTINGS, 0, 0, setting(4, 7)))
    return bytes_in(client, 1, 7)


def window_below_zero(client):
    """10 bytes are sent where 0 are allowed now; with 12 more that is 2."""
    client.send(frame(SETTINGS, 0, 0, setting(4, 10)))
    client.ask()
    bytes_in(client, 1, 10)
    client.send(frame(SETTINGS, 0, 0, setting(4, 0)), frame(WINDOW, 0, 1, number(12)))
    return bytes_in(client, 1, 2)


def last_of_two_settings(client):
    client.send(frame(SETTINGS, 0, 0, setting(4, 100) + setting(4, 3)))
    client.ask()
    return bytes_in(client, 1, 3)


def overflow_by_settings(client):
    client.send(frame(SETTINGS, 0, 0, setting(4, 1)))
    client.ask()
    client.answer(1)
    client.send(frame(WINDOW, 0, 1, number(0x7FFFFFF0)), frame(SETTINGS, 0, 0, setting(4, 0x7FFFFFFF)))
    return client.fate()


WINDOWS = {
    "a window of 1 byte": window_of_one,
    "a window of 0 that SETTINGS open by 7": window_that_grows,
    "a window of 10, used, then 0, then 12 more": window_below_zero,
    "two sizes in one SETTINGS": last_of_two_settings,
    "WINDOW_UPDATE of 0 for the connection": sent(frame(WINDOW, 0, 0, number(0))),
    "WINDOW_UPDATE beyond 2^31-1 for the connection": sent(frame(WINDOW, 0, 0, number(0x7FFFFFFF))),
    "WINDOW_UPDATE beyond 2^31-1 for a stream": lambda c: upload(c, frame(WINDOW, 0, 1, number(0x7FFFFFFF))),
    "SETTINGS by which the window of a stream exceeds 2^31-1": overflow_by_settings,
}

GROUPS = {
    "sizes": SIZES,
    "streams": STREAMS,
    "states": STATES,
    "heads": HEADS,
    "beginnings": BEGINNINGS,
    "windows": WINDOWS,
}


def main():
    port, group = int(sys.argv[1]), sys.argv[2]
    for name, case in GROUPS[group].items():
        try:
            done = case(port) if getattr(case, "opens", False) else case(Client(port))
        except (OSError, AssertionError) as error:
            done = f"{type(error).__name__}: {error}"
        print(json.dumps([name, done]), flush=True)


main()
