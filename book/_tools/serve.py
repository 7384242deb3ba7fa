"""Serve the built book on a free port of this machine."""

from contextlib import suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

from book._tools.build import HTML


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Print nothing for each request."""


def server() -> ThreadingHTTPServer:
    return ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(HTML)))


def main() -> None:
    with server() as running:
        print(f"The book is at http://127.0.0.1:{running.server_port}/ (Ctrl-C stops it)", flush=True)
        with suppress(KeyboardInterrupt):
            running.serve_forever()


if __name__ == "__main__":
    main()
