"""Every page and every dialog, by following the dashboard's own links: no page is wrong, inaccessible, too wide or half
translated, and no name that a user chose is ever more than a text."""

import re
from collections import deque
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

from walkthrough.shell import Failed, expect

from . import chromium, seeds

# Words that are the same in both languages: names of things, units, formats.
COMMON = re.compile(r"""^[\W\d_]*(Maru|English|한국어|ID|MAC|CIDR|DHCP|DNS|IP|IPv4|IPv6|MTU|SSH|TCP|UDP|ICMP|HTTPS?|VNC|RDP|SLAAC|DHCPv6|stateless|stateful
    |stateless|CPU|vCPU|vCPUs|RAM|MB|GB|TB|KB|B|KiB|MiB|GiB|API|URL|EC2|S3|UUID|SHA-512|SHA-256|MD5|raw|qcow2|vmdk|vdi|vhdx?|iso|ami|aki|ari|openrc|clouds\.yaml|flavor|Flavor|Flavors|QEMU
    |KVM|TCG|NAT|SNAT|QoS|VXLAN|Flat|flat|vxlan|admin|member|reader|manager|service|Default|default|public|private|UTC|os|nova|br-ex|\.pem|cloud-init|Linux|Windows|Ctrl|Alt|Del|F11
    |OpenStack|Keystone|Glance|Nova|Neutron|Cinder|Placement|RegionOne|Python|pip|Chromium|noVNC|xterm|PNG|SVG|LDAP|OAuth|RBAC|openrc\.sh|affinity|soft|anti|Simulated|ED25519|RSA|ssh|x509|PEM|[\W\d_])*$""", re.X)


def pattern_of(address):
    """Addresses of the same page of different things are one."""
    address = re.sub(r"(/flavors)/(?!new|delete)[^/]+", r"\1/{id}", address)
    address = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{32}", "{id}", address)
    # What a question asks about makes no other picture of the topology, in which its way is drawn.
    if "/topology" in address and "to=" in address:
        address = re.sub(r"&(protocol|port|which|ip_version|look)=[^&]*", "", address)
    return re.sub(r"(?<!kind)(?<!source)(?<!view)(?<!size)=[^&]*", "=", address)


class Links(HTMLParser):
    """Where a page's links, dialogs and parts lead."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        # What is asked for with a form's fields is no page of its own.
        if attributes.get("hx-include"):
            return
        self.found += [attributes[name] for name in ("hx-get", "href") if attributes.get(name) and (name != "href" or tag == "a")]


def collect(page, start="/dashboard/"):
    """Every page that links lead to: one address of each kind. Parts of pages, and files, are followed but are no pages."""
    seen, found, queue = {pattern_of(start)}, [], deque([start])
    while queue:
        address = queue.popleft()
        answer = page.request.get(address)
        expect(answer.status == 200, f"{address}: {answer.status}\n{answer.text()[-2000:]}")
        if not answer.headers.get("content-type", "").startswith("text/html"):
            continue
        text = answer.text()
        if text.startswith("<!DOCTYPE"):
            found.append(address)
        for link in Links(text).found:
            link = urljoin(address, link).split("#")[0]
            if not urlsplit(link).path.startswith("/dashboard/") or link.startswith("/dashboard/assets/") or "sort=" in link:
                continue
            if pattern_of(link) not in seen:
                seen.add(pattern_of(link))
                queue.append(link)
    return found


def look(browser, page, address, problems, widths=(1280,), dialogs=False):
    """What is wrong with a page in this visitor's language and theme."""
    page.complaints.clear()
    page.goto(address)
    page.wait_for_function("document.documentElement.classList.contains('scripted')")
    # What is folded away is looked at, too.
    page.evaluate("document.querySelectorAll('details:not(.menu)').forEach(details => { details.open = true; })")
    for width in widths:
        page.set_viewport_size({"width": width, "height": 860})
        for wrong in page.evaluate(chromium.TOO_WIDE):
            problems.append((address, f"{wrong} (at {width} px)"))
    for finding in browser.accessibility(page):
        problems.append((address, finding))
    opener = page.locator("tbody .menu > summary")
    if opener.count():
        opener.last.click()
        # The browser tells the page a moment later that it is open, and only then does it have its place.
        menu, size = page.locator(".menu[open] .menu-items"), page.viewport_size
        for _ in range(40):
            box = menu.bounding_box()
            is_inside = (box is not None and box["x"] >= 0 and box["y"] >= 0
                         and box["x"] + box["width"] <= size["width"] and box["y"] + box["height"] <= size["height"])
            if is_inside:
                break
            page.wait_for_timeout(50)
        if not is_inside:
            problems.append((address, f"the menu of the last row is at {box} in a window of {size}"))
        page.keyboard.press("Escape")
        page.evaluate("document.activeElement?.blur()")
    if dialogs and page.locator(".form-page").count():
        # The same form as it mostly is seen: in a dialog.
        page.goto("/dashboard/api-access")
        page.wait_for_function("document.documentElement.classList.contains('scripted')")
        page.evaluate("address => htmx.ajax('GET', address, { target: '#dialog-body' })", address)
        page.wait_for_selector("#dialog[open] #dialog-title")
        for width in widths:
            page.set_viewport_size({"width": width, "height": 860})
            for wrong in page.evaluate(chromium.TOO_WIDE):
                problems.append((address, f"{wrong} (as a dialog at {width} px)"))
        for finding in browser.accessibility(page):
            problems.append((address, f"{finding} (as a dialog)"))
        page.goto(address)
    for complaint in page.complaints:
        problems.append((address, complaint))
    if page.evaluate("window.harmed !== undefined"):
        problems.append((address, "a name was run as a script"))
    return page.evaluate(chromium.TEXTS)


def untranslated(korean, english, names):
    """Texts of a Korean page that are the English page's, and nobody's name for something."""
    def is_name(text):
        # A name may stand beside addresses, ids, sizes and devices.
        text = re.sub(r"\([0-9a-f.:]+\)", "", text)
        text = re.sub(r"(?<!\S)([0-9a-f]{2,}[0-9a-f./:-]*|\d+\s([KMGT]i?)?B|/dev/\w+)(?!\S)", "", text).strip().rstrip(":")
        if not text:
            return True
        # Pictures shorten names.
        start = text.rstrip("…")
        return text in names or start != text and any(name.startswith(start) for name in names)

    return sorted({text for text in korean if text in set(english) and re.search(r"[A-Za-z]{3}", text) and not COMMON.match(text)
                   and not re.search(r"[가-힣]", text) and not is_name(text)})


# Which visitors look at each page, and in windows of which widths.
DEPTHS = {
    "short": ([("ko", "light")], (1024,)),
    "usual": ([("en", "dark"), ("ko", "light")], (1024,)),
    "long": ([("en", "dark"), ("ko", "light"), ("en", "light"), ("ko", "dark")], (1024, 1280, 3840, 390)),
}


def check(browser, api, screens, depth):
    """All pages. Without a second language beside it, a Korean page's words are compared with those of a plain request."""
    finder = browser.visitor("en")
    browser.sign_in(finder)
    addresses = collect(finder)
    expect(len(addresses) >= 150, f"only {len(addresses)} pages were found: {addresses}")
    names = seeds.names(api)
    problems, (kinds, widths) = [], DEPTHS[depth]
    visitors = {}
    for lang, theme in kinds:
        visitors[lang, theme] = page = browser.visitor(lang, theme)
        browser.sign_in(page)
    for address in addresses:
        texts = {}
        for (lang, theme), page in visitors.items():
            texts[lang] = look(browser, page, address, problems, widths, depth == "long")
            if depth == "short":
                continue
            name = re.sub(r"[^a-z0-9]+", "-", pattern_of(address).removeprefix("/dashboard/").lower()).strip("-") or "overview"
            path = screens / f"pages-{lang}-{theme}"
            path.mkdir(parents=True, exist_ok=True)
            page.set_viewport_size({"width": 1280, "height": 860})
            console = page.locator("#console-state.busy")
            for _ in range(20):
                if not console.count():
                    break
                page.wait_for_timeout(100)
            chromium.from_the_top(page)
            page.screenshot(path=path / f"{name}.png", full_page=True)
        if "en" not in texts:
            # The same page in English, as a document that no script of its own touches.
            texts["en"] = finder.evaluate(f"""async address => {{
              const answer = await fetch(address);
              const there = new DOMParser().parseFromString(await answer.text(), "text/html");
              return ({chromium.TEXTS})(there);
            }}""", address)
        for text in untranslated(texts["ko"], texts["en"], names):
            problems.append((address, f"not translated: {text!r}"))
    if problems:
        raise Failed(told(problems, len(addresses)))
    return f"{len(addresses)} pages"


def told(problems, pages):
    """The problems, each once with the pages that have it; what is on most pages first."""
    by_words = {}
    for address, words in dict.fromkeys(problems):
        by_words.setdefault(words, []).append(address)
    lines = [f"{len(by_words)} problems on {pages} pages:"]
    for words, addresses in sorted(by_words.items(), key=lambda item: -len(item[1])):
        more = f" and {len(addresses) - 3} others" if len(addresses) > 3 else ""
        lines.append(f"{words}\n    on {', '.join(addresses[:3])}{more}")
    return "\n".join(lines[:300])
