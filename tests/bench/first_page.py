"""Run with playwright's Python: opens the dashboard's first page some times, each time as a new browser would. Prints JSON."""

import json
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

CHROMIUM = ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")


def main():
    url, password, samples = sys.argv[1], sys.argv[2], int(sys.argv[3])
    path = next((path for path in CHROMIUM if Path(path).exists()), None)
    if path is None:
        raise SystemExit("no Chromium is installed (package chromium)")
    times, transferred, files = [], 0, []
    with sync_playwright() as playwright:
        # Root has no sandbox to give; the page that is opened is ours.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        context = browser.new_context(base_url=url)
        page = context.new_page()
        page.goto("/dashboard/login")
        page.fill("#f-user", "admin")
        page.fill("#f-password", password)
        page.click("button.main")
        page.wait_for_url("**/dashboard/")
        session = [cookie for cookie in context.cookies() if cookie["name"] == "maru_session"]
        context.close()
        for _ in range(samples):
            context = browser.new_context(base_url=url)
            context.add_cookies(session)
            page = context.new_page()
            finished = []
            page.on("requestfinished", lambda request: finished.append(request))
            page.goto("/dashboard/", wait_until="load")
            page.wait_for_function("document.documentElement.classList.contains('scripted')")
            # From the navigation's start to the end of everything that the page loads, its script's first run included.
            times.append(page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd"))
            sizes = [(request.url.rsplit("/", 1)[1] or "page", request.sizes()) for request in finished if "/live" not in request.url]
            transferred = sum(size["responseBodySize"] + size["responseHeadersSize"] for _, size in sizes)
            files = [f"{name} {size['responseBodySize'] / 1000:.0f} kB" for name, size in sizes]
            context.close()
        browser.close()
    print(json.dumps({"ready_ms": times, "bytes": transferred, "files": files}))


main()
