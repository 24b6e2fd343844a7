"""Takes README's pictures of the lab: python docs/lab_pictures.py [folder].

Needs the extra `test` and Pillow, which leaves them a palette of colours and a third of the size.

Ports differ from run to run, and with them what the pictures show; all else is the same.
"""

from __future__ import annotations

import io
import re
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import ViewportSize, expect, sync_playwright

from corsac.lab import serving_lab

PICTURES = {
    "lab-light.png": ("light", "The method is not listed"),
    "lab-dark.png": ("dark", "Any header, but Authorization"),
}
SIZE = ViewportSize(width=1180, height=1180)


def main(folder: Path) -> None:
    """Take all pictures."""
    with serving_lab() as lab, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"],
        )
        for name, (scheme, preset) in PICTURES.items():
            dark = scheme == "dark"
            page = browser.new_page(viewport=SIZE, color_scheme="dark" if dark else "light")
            page.goto(lab.places.control)
            expect(page.locator("body")).to_have_attribute("data-state", "done")
            page.evaluate("document.body.dataset.state = 'working'")
            page.get_by_label("Start from").select_option(preset)
            expect(page.locator("body")).to_have_attribute("data-state", re.compile("done"))
            taken = Image.open(io.BytesIO(page.screenshot(full_page=True)))
            taken.convert("RGB").quantize(128).save(folder / name, optimize=True)
            print(f"{folder / name}: {(folder / name).stat().st_size // 1000} kB")
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "pictures")
