#!/usr/bin/env python3
"""Opens the live page in headless Chromium and says what it shows, as JSON.

    look_at_page.py [--screenshots DIR] [--token TOKEN] [--signing] URL JOB
    look_at_page.py [--screenshots DIR] [--token TOKEN] --jobs N URL JOB

Waits for the job in the list, opens its page, and waits until all of it is there. `job` is the sentence at its head, `text` all that it shows,
and `errors` what the browser complained about. With --signing it waits until more is signed than before, too. With --jobs it waits for that many
in the list, filters and orders them, and says how long each took, in seconds, and for how long at most the page did nothing else (`gap`).
Fails when a page is wider than a phone. Needs chromium and chromedriver, and no Python package.
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


def usable_without_sight_or_mouse(page):
    """Each control says what it is, and the map is read by the keys of a slider."""
    controls = page.call("POST", "/elements", {"using": "css selector", "value": "button, a[href], input, select, [role=slider]"})
    ids = [control[verify_page.ELEMENT] for control in controls]
    shown = [one for one in ids if page.call("GET", f"/element/{one}/displayed")]
    nameless = [one for one in shown if not page.call("GET", f"/element/{one}/computedlabel").strip()]
    assert shown and not nameless, [page.call("GET", f"/element/{one}/property/outerHTML") for one in nameless]
    says = "return document.querySelector('#batches [role=slider]').getAttribute('aria-valuetext')"
    page.run("document.querySelector('#batches [role=slider]').focus()")
    page.type("#batches [role=slider]", "\ue011")  # Home
    first = page.run(says)
    page.type("#batches [role=slider]", "\ue010")  # End
    last = page.run(says)
    assert first.startswith("Batch") and first != last, (first, last)
    assert page.run("return document.activeElement.getAttribute('role')") == "slider"
    page.run("document.activeElement.blur()")


def enter(page, args):
    page.call("POST", "/url", {"url": args.url})
    if args.token:
        until("the question for a token", lambda: page.run("return !!document.querySelector('dialog[open] input')"))
        page.type("dialog[open] input", args.token + "\n")


def errors(page, args):
    severe = [entry for entry in page.call("POST", "/se/log", {"type": "browser"}) if entry["level"] == "SEVERE"]
    # Without a token the first question is refused, as it should be.
    return [entry["message"] for entry in severe if not (args.token and "401" in entry["message"])]


STATE = """return {
  share: document.querySelector('.job progress')?.value ?? 0,
  signed: Number((/([0-9,]+) signed/.exec(document.querySelector('#batches p')?.innerText) ?? ['', '0'])[1].replaceAll(',', '')),
  drawn: (() => {
    const canvas = document.querySelector('#batches canvas');
    if (!canvas?.width) return '';
    const seen = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    let sum = 0;
    for (const value of seen) sum = (sum * 31 + value) % 1000000007;
    return String(sum);
  })(),
}"""


def watch(page):
    """Waits until progress and map have moved."""
    before = until("signed batches", lambda: (state := page.run(STATE))["signed"] > 0 and state["drawn"] and state)
    moved = lambda state: state["signed"] > before["signed"] and state["share"] > before["share"] and state["drawn"] != before["drawn"]
    after = until("progress", lambda: moved(state := page.run(STATE)) and state)
    return {"before": before, "after": after, "batches": page.run("return document.querySelector('#batches p').innerText")}


def job(page, args):
    namespace, name = args.job.split("/")
    link = f"return [...document.querySelectorAll('a[href^=\"#/jobs/\"]')].find((a) => a.innerText.trim().endsWith({json.dumps(name)}))"
    until("the job in the list", lambda: page.run(link))
    title = page.run("return document.title")
    if not args.signing:
        shoot(page, args.screenshots, "jobs")
    page.run(f"{link}.click()")
    head = until("the sentence of the job", lambda: page.run("return document.querySelector('.job .lead')?.innerText"))
    until("its batches", lambda: page.run("return document.querySelector('#batches canvas')?.width > 0"))
    moved = watch(page) if args.signing else {}
    until("its keys", lambda: page.run("return document.querySelectorAll('#keys tbody tr').length > 0"))
    until("the commands", lambda: page.run("return document.querySelectorAll('#commands li').length > 0"))
    usable_without_sight_or_mouse(page)
    time.sleep(1)
    shoot(page, args.screenshots, "job")
    titles = f"{title} {page.run('return document.title')}"
    return {"title": titles, "namespace": namespace, "job": head, "text": page.run("return document.body.innerText"), **moved}


GAP = """window.gap = 0; let last = performance.now();
setInterval(() => { const now = performance.now(); window.gap = Math.max(window.gap, now - last); last = now; }, 20);"""


def jobs(page, args):
    """The list: how long until so many are there, and until filters and orders show."""
    begun, took = time.monotonic(), {}
    shown = "return document.querySelectorAll('table.jobs tbody tr').length"

    def timed(what, wanted):
        nonlocal begun
        until(what, wanted)
        took[what] = round(time.monotonic() - begun, 2)
        begun = time.monotonic()

    timed("all", lambda: page.run(shown) == args.jobs)
    page.run(GAP)
    time.sleep(3)
    begun = time.monotonic()
    page.type("#filter-text", args.job.split("/")[1])
    timed("by name", lambda: page.run(shown) == 1)
    page.run("[...document.querySelectorAll('.filters button')].find((button) => button.innerText === 'Clear filters').click()")
    timed("cleared", lambda: page.run(shown) == args.jobs)
    first = "return document.querySelector('table.jobs tbody tr a').innerText"
    before = page.run(first)
    page.run("[...document.querySelectorAll('table.jobs th button')][0].click()")
    page.run("[...document.querySelectorAll('table.jobs th button')][0].click()")
    timed("ordered", lambda: page.run(first) != before)
    phase = "[...document.querySelectorAll('.phases button')].find((button) => !button.hidden && button.ariaPressed === 'false')"
    count = int(page.run(f"{phase}.click(); return document.querySelector('.phases button[aria-pressed=true] .figure').innerText").replace(",", ""))
    timed("by phase", lambda: page.run(shown) == min(count, args.jobs))
    gap = page.run("return window.gap") / 1000
    shoot(page, args.screenshots, "many")
    return {"seconds": took, "gap": round(gap, 2), "lead": page.run("return document.querySelector('.lead').innerText")}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("job", help="NAMESPACE/NAME")
    parser.add_argument("--screenshots", type=pathlib.Path)
    parser.add_argument("--token")
    parser.add_argument("--signing", action="store_true", help="wait until more of it is signed")
    parser.add_argument("--jobs", type=int, help="look at the list of this many jobs instead")
    args = parser.parse_args()
    with verify_page.browser() as page:
        enter(page, args)
        seen = jobs(page, args) if args.jobs else job(page, args)
        print(json.dumps({**seen, "errors": errors(page, args)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
