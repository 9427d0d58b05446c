"""A browser without a head, for tests. It needs Chromium and its driver."""

import base64
import io
import json
from pathlib import Path

import matplotlib.image
from missing import need
from packages import find
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

FLAGS = [
    "headless",
    "no-sandbox",
    "disable-gpu",
    "disable-quic",
    "no-first-run",
    "disable-background-networking",
    "disable-component-update",
    "disable-sync",
]


def browse(profile: Path) -> webdriver.Chrome:
    """Starts one with an empty profile; it writes down every request and every word of its console."""
    need("chromium", "chromedriver")
    options = webdriver.ChromeOptions()
    options.binary_location = find("chromium")
    for flag in (*FLAGS, f"user-data-dir={profile}"):
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(options=options, service=Service(find("chromedriver")))


class Page:
    """A page that is open in a browser, so wide, in a light or dark scheme; calling it evaluates JavaScript."""

    def __init__(self, browser, path: Path, width: int = 1280, scheme: str = "light", script: bool = True):
        self.browser = browser
        for kind in ("browser", "performance"):
            browser.get_log(kind)  # of the page before
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        self.command("Emulation.setDeviceMetricsOverride", **size)
        self.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.command("Emulation.setScriptExecutionDisabled", value=not script)
        browser.get("about:blank")
        browser.get(path.as_uri())

    def __call__(self, code, *arguments):
        return self.browser.execute_script(f"return {code}", *arguments)

    def command(self, name, **arguments):
        return self.browser.execute_cdp_cmd(name, arguments)

    def all(self, selector):
        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector):
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def unfold(self, selector):
        self("document.querySelectorAll(arguments[0]).forEach(e => e.open = true)", selector)

    def rows(self, place):
        """Texts of the rows of the tables at a place."""
        code = "[...document.querySelectorAll(arguments[0])].map(row => [...row.cells].map(cell => cell.innerText))"
        return self(code, f"{place} tbody tr")

    def column(self, place, heading):
        headings = self("[...document.querySelectorAll(arguments[0])].map(th => th.innerText.trim())", f"{place} th")
        return [row[headings.index(heading)] for row in self.rows(place)]

    def pixels(self):
        picture = base64.b64decode(self.command("Page.captureScreenshot", format="png")["data"])
        return matplotlib.image.imread(io.BytesIO(picture))[..., :3]


def requests(browser) -> set[str]:
    """What was asked for since a page was opened; of what is inside the file its kind."""
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    sent = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
    return {url.split(",")[0] if url.startswith("data:") else url for url in sent}
