#!/usr/bin/env python3
"""Opens the live page in headless Chromium and says what it shows, as JSON.

    look_at_page.py [--screenshots DIR] [--token TOKEN] URL JOB

Waits for the job in the list, opens its page, and waits until all of it is there. `job` is the sentence at its head, `text` all that it shows,
and `errors` what the browser complained about. Fails when a page is wider than a phone. Needs chromium and chromedriver, and no Python package.
"""

import argparse
import json
import pathlib
import sys
import time

import verify_page

PATIENCE = 60
WIDTHS = {"": (1280, 1000), "-phone": (390, 844)}


def until(what, found):
    begun = time.monotonic()
    while not (value := found()):
        if time.monotonic() - begun > PATIENCE:
            sys.exit(f"it never came: {what}")
        time.sleep(0.1)
    return value


def shoot(page, folder, name):
    """In both widths, light and dark, each as high as the page."""
    for suffix, (width, height) in WIDTHS.items():
        for scheme in ("light", "dark"):
            emulate(page, "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
            metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
            emulate(page, "Emulation.setDeviceMetricsOverride", metrics)
            time.sleep(0.5)
            wide = page.run("return document.documentElement.scrollWidth > document.documentElement.clientWidth")
            assert not wide, f"{name}{suffix} is wider than its window"
            if folder:
                folder.mkdir(parents=True, exist_ok=True)
                metrics["height"] = min(page.run("return document.documentElement.scrollHeight"), 6000)
                emulate(page, "Emulation.setDeviceMetricsOverride", metrics)
                time.sleep(0.3)
                page.screenshot(folder / f"{name}{suffix}-{scheme}.png")


def emulate(page, command, params):
    page.call("POST", "/goog/cdp/execute", {"cmd": command, "params": params})


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("job", help="NAMESPACE/NAME")
    parser.add_argument("--screenshots", type=pathlib.Path)
    parser.add_argument("--token")
    args = parser.parse_args()
    with verify_page.browser() as page:
        page.call("POST", "/url", {"url": args.url})
        if args.token:
            until("the question for a token", lambda: page.run("return !!document.querySelector('dialog[open] input')"))
            page.type("dialog[open] input", args.token + "\n")
        namespace, name = args.job.split("/")
        link = f"return [...document.querySelectorAll('a[href^=\"#/jobs/\"]')].find((a) => a.innerText.trim().endsWith({json.dumps(name)}))"
        until("the job in the list", lambda: page.run(link))
        title = page.run("return document.title")
        shoot(page, args.screenshots, "jobs")
        page.run(f"{link}.click()")
        head = until("the sentence of the job", lambda: page.run("return document.querySelector('.job .lead')?.innerText"))
        until("its batches", lambda: page.run("return document.querySelector('#batches canvas')?.width > 0"))
        until("its keys", lambda: page.run("return document.querySelectorAll('#keys tbody tr').length > 0"))
        until("the commands", lambda: page.run("return document.querySelectorAll('#commands li').length > 0"))
        time.sleep(1)
        shoot(page, args.screenshots, "job")
        severe = [entry for entry in page.call("POST", "/se/log", {"type": "browser"}) if entry["level"] == "SEVERE"]
        seen = {
            "title": f"{title} {page.run('return document.title')}",
            "namespace": namespace,
            "job": head,
            "text": page.run("return document.body.innerText"),
            # Without a token the first question is refused, as it should be.
            "errors": [entry["message"] for entry in severe if not (args.token and "401" in entry["message"])],
        }
    print(json.dumps(seen))
    return 0


if __name__ == "__main__":
    sys.exit(main())
