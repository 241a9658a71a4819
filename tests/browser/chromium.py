"""A headless Chromium on the dashboard, and what is looked at on every page."""

import re
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from walkthrough.shell import Failed

CHROMIUM = ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")

# Runs in the page: what is wider than it should be. Text that is cut off, boxes beyond the window's edge.
TOO_WIDE = """() => {
  const wrong = [];
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > width + 1) wrong.push(`the page is ${document.documentElement.scrollWidth} px wide in a window of ${width}`);
  for (const box of document.querySelectorAll("dialog[open], dialog[open] form")) {
    if (box.scrollWidth > box.clientWidth + 1) wrong.push(`<${box.tagName.toLowerCase()}> is ${box.scrollWidth} px wide in ${box.clientWidth}`);
  }
  // Words that leave the box that is drawn around them.
  for (const box of document.querySelectorAll(".cell, .badge, .button, .tag")) {
    if (!box.closest(".sr, [hidden], dialog:not([open])") && box.getClientRects().length && box.scrollWidth > box.clientWidth + 1 && getComputedStyle(box).display !== "inline") {
      wrong.push(`"${box.textContent.trim().slice(0, 40)}" leaves its box`);
    }
  }
  const scrolls = (element) => {
    for (let box = element; box && box !== document.body; box = box.parentElement) {
      if (["auto", "scroll"].includes(getComputedStyle(box).overflowX)) return true;
    }
    return false;
  };
  for (const element of document.querySelectorAll("button, .button, a, h1, h2, th, label, .badge, .tag, dt, legend, summary")) {
    const style = getComputedStyle(element);
    // What is for screen readers alone is a point.
    if (element.closest(".sr, [hidden], svg, dialog:not([open])") || style.clipPath === "inset(50%)" || style.visibility === "hidden" || !element.getClientRects().length) continue;
    const told = `<${element.tagName.toLowerCase()}> "${element.textContent.trim().slice(0, 40)}"`;
    // What ends in an ellipsis is meant to.
    if (element.scrollWidth > element.clientWidth + 1 && style.overflowX !== "visible" && style.textOverflow !== "ellipsis" && style.display !== "inline") wrong.push(`${told} is cut off`);
    const box = element.getBoundingClientRect();
    if (box.width && (box.right > width + 1 || box.left < -1) && !scrolls(element)) wrong.push(`${told} is beyond the window's edge`);
  }
  return wrong;
}"""

# Runs in the page: the texts that are the dashboard's own, and not names, code or figures of the cloud.
TEXTS = """within => {
  const page = within || document;
  const texts = [];
  const walk = page.createTreeWalker(page.body, NodeFilter.SHOW_TEXT);
  for (let node = walk.nextNode(); node; node = walk.nextNode()) {
    if (node.parentElement.closest("script, style, code, pre, time, textarea, option[value]:not([value='']), [lang]:not(html), .account, .brand")) continue;
    const text = node.textContent.trim();
    if (text) texts.push(text);
  }
  for (const element of page.querySelectorAll("[aria-label], [placeholder], [data-tip]")) {
    for (const name of ["aria-label", "data-tip"]) if (element.getAttribute(name)) texts.push(element.getAttribute(name).trim());
  }
  return texts;
}"""


# Waits for what moves and comes to an end, three seconds at most.
SETTLED = """Promise.race([
    Promise.all(document.getAnimations()
        .filter(animation => animation.effect.getComputedTiming().iterations !== Infinity)
        .map(animation => animation.finished.catch(() => {}))),
    new Promise(done => setTimeout(done, 3000)),
]).then(() => null)"""


def from_the_top(page):
    """Scrolls up and waits until that is drawn: the head of a page stays at the window's top, wherever that is."""
    page.evaluate("""() => new Promise(done => {
        scrollTo({ top: 0, left: 0, behavior: "instant" });
        requestAnimationFrame(() => requestAnimationFrame(() => done()));
    })""")
    page.wait_for_function("scrollY === 0")


class Browser:
    """One Chromium; pages are opened as somebody who is signed in."""

    def __init__(self, playwright, cloud):
        path = next((path for path in CHROMIUM if Path(path).exists()), None)
        if path is None:
            raise Failed("no Chromium is installed (package chromium)")
        # Root has no sandbox to give; every page that is opened is ours.
        self.chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        self.cloud, self.axe = cloud, Axe()

    def close(self):
        self.chromium.close()

    def visitor(self, lang, theme="light", width=1280, height=860, script=True):
        """A visitor's own browser: cookies, language, window. What its pages complain of is collected."""
        context = self.chromium.new_context(
            locale={"ko": "ko-KR", "en": "en-US"}[lang], color_scheme=theme, viewport={"width": width, "height": height},
            java_script_enabled=script, ignore_https_errors=True, base_url=self.cloud.url, accept_downloads=True)
        context.set_default_timeout(60_000)
        page = context.new_page()
        page.complaints = []
        page.on("console", lambda message: page.complaints.append(f"{message.text} {message.location.get('url', '')}") if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on("dialog", lambda dialog: (page.complaints.append(f"a dialog of the browser: {dialog.message}"), dialog.dismiss()))
        return page

    def password(self, user="admin"):
        text = (self.cloud.state / "clouds.yaml").read_text()
        cloud = {"admin": "maru", "demo": "maru-demo"}[user]
        part = text[text.index(f"\n  {cloud}:"):]
        return re.search(r"password: *['\"]?([^'\"\n]+)", part)[1]

    def sign_in(self, page, user="admin"):
        page.goto("/dashboard/login")
        page.fill("#f-user", user)
        page.fill("#f-password", self.password(user))
        page.click("button.main")
        page.wait_for_url("**/dashboard/")

    def accessibility(self, page):
        """What axe-core finds that is serious and lasts, as lines. A card that fades in has less contrast meanwhile."""
        page.evaluate(SETTLED)
        found = self.violations(page)
        if found:
            page.wait_for_timeout(1000)
            found = self.violations(page)
        return found

    def violations(self, page):
        """What axe-core finds now."""
        found = self.axe.run(page).response["violations"]
        return [f"{problem['id']}: {problem['help']}: {node['target']} {node['html'][:160]}"
                for problem in found if problem["impact"] in ("serious", "critical") for node in problem["nodes"][:3]]
