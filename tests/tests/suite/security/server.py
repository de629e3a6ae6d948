import base64, hashlib, json, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

seen = []
# A page that leaves something in the browser, and a worker that stands before the server from then on.
KEPT = {
    "/keep": (
        "text/html",
        "<script>localStorage.kept = 'yes'; navigator.serviceWorker.register('/worker.js')</script>",
    ),
    "/worker.js": (
        "text/javascript",
        """
        self.addEventListener("install", () => self.skipWaiting());
        self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
        self.addEventListener("fetch", (event) => {
            const isKept = new URL(event.request.url).pathname === "/stale";
            event.respondWith(isKept ? new Response("kept by a worker") : fetch(event.request));
        });
        """,
    ),
}


class Server(BaseHTTPRequestHandler):
    """Tells what it gets, remembers what it got, and tries to harm whoever comes."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length).decode()
        path = self.path.split("?")[0]
        if path == "/seen":
            return self.answer(json.dumps(seen))
        fields = [[name.lower(), value] for name, value in self.headers.items()]
        request = {"method": self.command, "target": self.path, "headers": fields, "body": body}
        seen.append(request)
        if path == "/websocket":
            return self.websocket()
        if path == "/stream":
            return self.stream()
        if path in KEPT:
            kind, text = KEPT[path]
            return self.answer(text, kind)
        if path == "/hostile":
            self.hostile = True
        self.answer(json.dumps(request))

    do_POST = do_PUT = do_DELETE = do_OPTIONS = do_GET

    def answer(self, text, kind="application/json"):
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(text)))
        if getattr(self, "hostile", False):
            self.send_header("set-cookie", "__Host-spaceport-app=forged; Path=/; Secure")
            self.send_header("set-cookie", "session=forged; Domain=apps.localhost; Path=/")
            self.send_header("set-cookie", "own=kept; Path=/; HttpOnly")
            self.send_header("x-spaceport-error", "FORGED")
        self.end_headers()
        self.wfile.write(text.encode())

    def stream(self):
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"9\r\ndata: 1\n\n\r\n")
        self.wfile.flush()
        threading.Event().wait()

    def websocket(self):
        key = self.headers["sec-websocket-key"].encode()
        digest = hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
        self.send_response(101)
        self.send_header("upgrade", "websocket")
        self.send_header("connection", "Upgrade")
        self.send_header("sec-websocket-accept", base64.b64encode(digest).decode())
        self.end_headers()
        self.close_connection = True
        while head := self.rfile.read(2):
            mask = self.rfile.read(4)
            data = self.rfile.read(head[1] & 127)
            plain = bytes(byte ^ mask[i % 4] for i, byte in enumerate(data))
            self.wfile.write(head[:1] + bytes([len(plain)]) + plain)

    def log_message(self, *_):
        pass


for port in (8002, 8001, 8000):
    server = ThreadingHTTPServer(("", port), Server)
    threading.Thread(target=server.serve_forever).start()
