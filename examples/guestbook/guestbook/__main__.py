"""`python3 -m guestbook`: serves until SIGTERM, then ends what is in flight."""

import os
import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from guestbook.app import App, as_json
from guestbook.store import Store

LONGEST_BODY = 64 * 1024


class Server(ThreadingHTTPServer):
    """Threads are waited for at the end."""

    daemon_threads = False
    request_queue_size = 128


def handler_of(app):
    """A handler that asks the app."""

    class Handler(BaseHTTPRequestHandler):
        timeout = 20

        def _answer(self):
            length = self.headers.get("content-length", "0")
            if not (length.isascii() and length.isdigit()):
                answer = as_json(400, {"error": "content-length is not a number"})
            elif len(length) > 9 or int(length) > LONGEST_BODY:
                answer = as_json(413, {"error": "the body is too long"})
            else:
                headers = {name.lower(): value for name, value in self.headers.items()}
                answer = app.handle(self.command, self.path, headers, self.rfile.read(int(length)))
            self.send_response(answer.status)
            if answer.status != 204:
                self.send_header("content-type", answer.kind)
                self.send_header("content-length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        do_GET = do_POST = do_PUT = do_DELETE = _answer

    return Handler


def main():
    """The configuration comes from the environment."""
    store = Store(os.environ.get("GUESTBOOK_DATABASE", ":memory:"))
    app = App(
        store,
        title=os.environ.get("GUESTBOOK_TITLE", "Guestbook"),
        version=os.environ.get("GUESTBOOK_VERSION", "dev"),
        token=os.environ.get("GUESTBOOK_TOKEN", ""),
    )
    server = Server(("127.0.0.1", int(os.environ.get("PORT", "8000"))), handler_of(app))
    # `shutdown` waits for the loop that the signal has interrupted: it needs a thread of its own.
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever(poll_interval=0.1)
    server.server_close()
    store.close()


if __name__ == "__main__":
    main()
