"""A static server for build/web, with the two headers that let the page use threads; any other serves it as well.

python web/serve.py [--folder build/web] [--host 127.0.0.1] [--port 8765]
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

REPO = Path(__file__).resolve().parent.parent


class Handler(SimpleHTTPRequestHandler):
    """Files of one folder, and no lists of them."""

    extensions_map = SimpleHTTPRequestHandler.extensions_map | {
        ".js": "text/javascript",
        ".mjs": "text/javascript",
        ".wasm": "application/wasm",
        ".onnx": "application/octet-stream",
    }

    def end_headers(self) -> None:
        """With what isolates the page from others, so that its threads may share memory."""
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def list_directory(self, path: object) -> None:
        """Nothing is listed."""
        self.send_error(404)

    def log_message(self, format: str, *arguments: object) -> None:
        """Only what goes wrong is told, by `log_error`."""

    def log_error(self, format: str, *arguments: object) -> None:
        """One line."""
        print(format % arguments, file=sys.stderr)


def server(
    folder: Path, host: str = "127.0.0.1", port: int = 0, handler: type[Handler] = Handler
) -> ThreadingHTTPServer:
    """A server of `folder`, not yet at work; port 0 is any that is free. Raises OSError."""
    return ThreadingHTTPServer((host, port), partial(handler, directory=str(folder)))


def main() -> None:
    """Serve until it is ended by Ctrl+C."""
    parser = argparse.ArgumentParser(description="Serve the codec in the browser.")
    parser.add_argument("--folder", type=Path, default=REPO / "build" / "web")
    parser.add_argument(
        "--host", default="127.0.0.1", help="browsers give threads and offline use to localhost or HTTPS"
    )
    parser.add_argument("--port", type=int, default=8765)
    chosen = parser.parse_args()
    if not (chosen.folder / "index.html").is_file():
        sys.exit(f"{chosen.folder}: holds no page; make it by: python web/prepare.py")
    try:
        serving = server(chosen.folder, chosen.host, chosen.port)
    except OSError as error:
        sys.exit(f"{chosen.host}:{chosen.port}: {error.strerror}; choose another by --port")
    print(
        f"http://{'localhost' if chosen.host == '127.0.0.1' else chosen.host}:{chosen.port}/ (end by Ctrl+C)",
        flush=True,
    )
    try:
        serving.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        serving.server_close()


if __name__ == "__main__":
    main()
