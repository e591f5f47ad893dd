"""What the codec takes in a browser: Chromium on this machine, by model and threads; medians of presses.

    python benchmarks/web.py [--times 5]

It serves the folder that `python web/prepare.py` makes, with and without the headers that allow threads.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import threading
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "web"))
import serve  # noqa: E402

SUM = """
async ([name, times]) => {
  const { decode, encode, readModels } = await import("./coder.js");
  const model = (await readModels()).find(each => each.name === name), frame = { width: 256, height: 256 };
  const pixels = Uint8Array.from({ length: 256 * 256 * 3 }, (_, k) => 128 + 100 * Math.sin(k / 500));
  const took = { load: 0, encode: [], decode: [], threads: 0 };
  for (let k = 0; k < times; k++) {
    const coded = await encode(model, pixels, frame, 360);
    const shown = await decode(model, new Map(coded.packets.map(each => [each.index, each.payload])), frame);
    took.load += coded.loadMs + shown.loadMs;
    took.threads = coded.threads;
    took.encode.push(coded.runMs);
    took.decode.push(shown.runMs);
  }
  return took;
}
"""


class Plain(serve.Handler):
    """As any static server: without what isolates the page."""

    def send_header(self, keyword: str, value: str) -> None:
        """All but those two."""
        if not keyword.startswith("Cross-Origin"):
            super().send_header(keyword, value)


def measure(page: Page, address: str, model: str, times: int) -> str:
    """A row of the table."""
    page.goto(address)
    took = page.evaluate(SUM, [model, times])
    encode, decode = (statistics.median(took[part]) for part in ("encode", "decode"))
    size = sum((ROOT / "build/web/models" / f"{model}-{part}.onnx").stat().st_size for part in ("encoder", "decoder"))
    return (
        f"{model:<7}{took['threads']:>7}{size / 1e6:>9.1f} MB{took['load']:>9.0f} ms{encode:>9.0f} ms{decode:>9.0f} ms"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Time the codec in the browser.")
    parser.add_argument("--times", type=int, default=5)
    times = parser.parse_args().times
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None or not (ROOT / "build/web/index.html").is_file():
        sys.exit("expected Chromium, and the page in build/web (python web/prepare.py)")
    print(f"{'model':<7}{'threads':>7}{'files':>12}{'loading':>12}{'coding':>12}{'decoding':>12}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium)
        for handler in (Plain, serve.Handler):
            serving = serve.server(ROOT / "build" / "web", handler=handler)
            threading.Thread(target=serving.serve_forever, daemon=True).start()
            for model in ("nano", "small"):
                page = browser.new_context().new_page()
                print(measure(page, f"http://127.0.0.1:{serving.server_address[1]}/", model, times), flush=True)
                page.close()
            serving.shutdown()
            serving.server_close()
        browser.close()


if __name__ == "__main__":
    main()
