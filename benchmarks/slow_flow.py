"""A Flow that answers every status after a fixed time: `python -m benchmarks.slow_flow SECONDS`; prints its port."""

import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    """Gives tokens and statuses."""

    protocol_version = "HTTP/1.1"
    seconds = 0.05

    def do_GET(self) -> None:
        """Answer after the fixed time."""
        if self.path.startswith("/auth/"):
            body = {"accessToken": "a-token-for-benchmarks"}
        else:
            time.sleep(self.seconds)
            body = {"status": "active", "message": "Campaign is live.", "campaign_id": "camp_1"}
        data = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """Takes a whole batch's connections at once."""

    request_queue_size = 256
    daemon_threads = True


if __name__ == "__main__":
    Handler.seconds = float(sys.argv[1])
    server = Server(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()
