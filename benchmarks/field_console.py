"""Looks at the console of an inbox in headless Chromium, from the first packet on: a party of `field.py`.

python benchmarks/field_console.py http://127.0.0.1:8080/ OUT --photos 3

Opened once and never loaded again, though the inbox be killed meanwhile. Tells in lines of JSON what the page shows
whenever that changes; once so many photos are whole, leaves pictures of the page in OUT (console.png in the dark,
console-phone.png) and ends. Says so and ends where no Chromium is installed.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from pathlib import Path

LOOK = """() => [...document.querySelectorAll(".card")].map((card) => ({
  id: Number(card.dataset.id), held: card.querySelectorAll(".cell.held").length,
  missing: card.querySelectorAll(".cell:not(.held)").length,
  shown: [...card.querySelectorAll("img")].every((image) => image.complete && image.naturalWidth > 0),
}))"""


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Look at the console of an inbox.")
    parser.add_argument("address")
    parser.add_argument("out", type=Path)
    parser.add_argument("--photos", type=int, default=3, help="how many must be whole in the end")
    parser.add_argument("--patience", type=float, default=300.0, help="seconds")
    given = parser.parse_args()
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        chromium = None
    if chromium is None:
        tell("skipped", reason="no Chromium, or no Playwright")
        return
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium)
        page = browser.new_page(viewport={"width": 1440, "height": 900}, color_scheme="dark")
        page.goto(given.address)
        page.evaluate("window.stayed = true")
        tell("opened")
        before, end_s, changes = None, time.monotonic() + given.patience, 0
        while time.monotonic() < end_s:
            cards = page.evaluate(LOOK)
            if cards != before:
                tell("shows", cards=cards)
                before, changes = cards, changes + 1
            if len(cards) == given.photos and all(card["shown"] and not card["missing"] for card in cards):
                break
            page.wait_for_timeout(100)
        page.wait_for_timeout(1000)
        page.locator(".card").first.click()
        page.locator("#stage img").first.wait_for()
        page.wait_for_timeout(1000)
        page.screenshot(path=given.out / "console.png")
        stayed = page.evaluate("window.stayed === true")
        page.keyboard.press("Escape")
        page.set_viewport_size({"width": 360, "height": 740})
        page.evaluate("scrollTo(0, 0)")
        page.wait_for_timeout(300)
        page.screenshot(path=given.out / "console-phone.png")
        tell("done", changes=changes, whole=sum(not card["missing"] for card in before or []), stayed=stayed)
        browser.close()


def tell(event: str, **fields: object) -> None:
    """A line of JSON."""
    print(json.dumps({"event": event, **fields}), flush=True)


if __name__ == "__main__":
    main()
