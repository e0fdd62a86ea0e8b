#!/usr/bin/env python3
"""Opens docs/verify.html from disk in headless Chromium and gives it bundles, as a person does: by WebDriver.

    verify_page.py [--page FILE] [--screenshots DIR] [--height N] BUNDLE...

Prints for each bundle what the page says: VERIFIED or NOT VERIFIED, and the sentence below. A bundle written as DIGEST@FILE is
verified with that receipt digest, one written as FILE,PEM with these roots of timestamping authorities, and one written as FILE,PEM,JWS
(or FILE,,JWS) with this earlier checkpoint. Needs chromium and chromedriver, and no Python package.
"""

import argparse
import base64
import contextlib
import json
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

PAGE = pathlib.Path(__file__).resolve().parent.parent / "docs" / "verify.html"
FLAGS = [
    "--headless", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-quic", "--disable-dev-shm-usage",
]
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


class Browser:
    """A session of a chromedriver of its own."""

    def __init__(self, port, folder):
        self.base = f"http://127.0.0.1:{port}"
        # Without the sandbox, which root cannot have. The page is ours.
        options = {"args": [*FLAGS, "--no-sandbox", f"--user-data-dir={folder}"]}
        capabilities = {"capabilities": {"alwaysMatch": {"goog:chromeOptions": options}}}
        self.base += f"/session/{self.call('POST', '/session', capabilities)['sessionId']}"

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=600) as response:
            return json.load(response)["value"]

    def element(self, selector):
        return self.call("POST", "/element", {"using": "css selector", "value": selector})[ELEMENT]

    def type(self, selector, text):
        self.call("POST", f"/element/{self.element(selector)}/value", {"text": text})

    def run(self, script):
        return self.call("POST", "/execute/sync", {"script": script, "args": []})

    def size(self, width, height):
        self.call("POST", "/window/rect", {"width": width, "height": height})

    def screenshot(self, file):
        file.write_bytes(base64.b64decode(self.call("GET", "/screenshot")))


@contextlib.contextmanager
def browser():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        driver = subprocess.Popen(["chromedriver", f"--port={port}"], stdout=subprocess.DEVNULL)
        try:
            for _ in range(100):
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/status", timeout=5):
                        break
                except OSError:
                    time.sleep(0.1)
            session = Browser(port, folder)
            try:
                yield session
            finally:
                session.call("DELETE", "")
        finally:
            driver.terminate()
            driver.wait()


def verify(page, file_of_page, bundle):
    digest, _, file = bundle.rpartition("@")
    file, roots, earlier = (file.split(",") + ["", ""])[:3]
    page.call("POST", "/url", {"url": file_of_page.resolve().as_uri()})
    if digest:
        page.type("#digest", digest)
    if roots:
        page.type("#roots", str(pathlib.Path(roots).resolve()))
    if earlier:
        page.type("#earlier", str(pathlib.Path(earlier).resolve()))
    page.type("#file", str(pathlib.Path(file).resolve()))
    for _ in range(6000):
        if page.run("return !document.getElementById('result').hidden"):
            break
        time.sleep(0.1)
    # What a screen reader comes upon first is the verdict, once it is drawn.
    for _ in range(100):
        focus = page.run("return document.activeElement.id")
        if focus == "verdict":
            break
        time.sleep(0.1)
    assert focus == "verdict", focus
    says = page.run("return ['word', 'sentence', 'problems', 'facts'].map((id) => document.getElementById(id).innerText)")
    colour = page.run("return document.getElementById('verdict').className")
    assert colour == ("card good" if says[0] == "VERIFIED" else "card bad"), colour
    assert page.run("return document.documentElement.scrollWidth <= document.documentElement.clientWidth"), "wider than the window"
    return says


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bundles", nargs="+")
    parser.add_argument("--page", type=pathlib.Path, default=PAGE, help="another than docs/verify.html")
    parser.add_argument("--screenshots", type=pathlib.Path)
    parser.add_argument("--height", type=int, default=1400, help="of the window in pixels")
    args = parser.parse_args()
    with browser() as page:
        for number, bundle in enumerate(args.bundles):
            page.size(1100, args.height)
            begun = time.monotonic()
            word, sentence, problems, facts = verify(page, args.page, bundle)
            print(f"{word}: {sentence} {problems}".replace("\n", " | ").strip(), f"[{time.monotonic() - begun:.1f} s]", flush=True)
            if args.screenshots:
                args.screenshots.mkdir(parents=True, exist_ok=True)
                page.screenshot(args.screenshots / f"{number}.png")
                page.size(390, 1200)
                page.screenshot(args.screenshots / f"{number}-phone.png")
                wide = page.run("return document.documentElement.scrollWidth > document.documentElement.clientWidth")
                assert not wide, "wider than a phone"
    return 0


if __name__ == "__main__":
    sys.exit(main())
