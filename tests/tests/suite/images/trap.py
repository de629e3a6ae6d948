from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAGE = b"<!doctype html><title>A trap</title><h1>You have won</h1>"


class Trap(BaseHTTPRequestHandler):
    """Serves a page that forbids itself nothing."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.send_header("content-length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("", 8000), Trap).serve_forever()
