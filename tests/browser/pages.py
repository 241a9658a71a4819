"""Every page and every dialog, by following the dashboard's own links: no page is wrong, inaccessible, too wide or half
translated, and no name that a user chose is ever more than a text."""

import re
from collections import deque
from urllib.parse import urlsplit

from walkthrough.shell import Failed, expect

from . import chromium

# Names that would do harm if they were taken for anything but text.
HOSTILE = [
    "<script>window.harmed=1</script>",
    "\"><img src=x onerror=window.harmed=1>",
    "'-window.harmed-'{{7*7}}${7*7}",
    "javascript:window.harmed=1",
    "‮evil‬ ﷽ 🏠🏠 한글 이름",
    "x" * 200,
]

# Words that are the same in both languages: names of things, units, formats.
COMMON = re.compile(r"""^[\W\d_]*(Maru|English|한국어|ID|MAC|CIDR|DHCP|DNS|IP|IPv4|IPv6|MTU|SSH|TCP|UDP|ICMP|HTTPS?|VNC|RDP|SLAAC|DHCPv6|stateless|stateful
    |stateless|CPU|vCPU|vCPUs|RAM|MB|GB|TB|KB|B|KiB|MiB|GiB|API|URL|EC2|S3|UUID|SHA-512|SHA-256|MD5|raw|qcow2|vmdk|vdi|vhdx?|iso|ami|aki|ari|openrc|clouds\.yaml|flavor|Flavor|Flavors|QEMU
    |KVM|TCG|NAT|SNAT|QoS|VXLAN|flat|vxlan|admin|member|reader|manager|service|Default|default|public|private|UTC|os|nova|br-ex|\.pem|cloud-init|Linux|Windows|Ctrl|Alt|Del|F11
    |OpenStack|Keystone|Glance|Nova|Neutron|Cinder|Placement|RegionOne|Python|pip|Chromium|noVNC|xterm|PNG|SVG|LDAP|OAuth|RBAC|ED25519|RSA|ssh|x509|PEM|[\W\d_])*$""", re.X)


def pattern_of(address):
    """Addresses of the same page of different things are one."""
    address = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{32}", "{id}", address)
    return re.sub(r"(=)[^&{]*", r"\1", address)


def collect(page, start="/dashboard/"):
    """Every page that links lead to: one address of each kind."""
    seen, found, queue = {pattern_of(start)}, [], deque([start])
    while queue:
        address = queue.popleft()
        answer = page.goto(address)
        if answer is None or not answer.headers.get("content-type", "").startswith("text/html"):
            continue
        expect(answer.status == 200, f"{address}: {answer.status}")
        found.append(address)
        for link in page.eval_on_selector_all("a[href], [hx-get]", "all => all.map(a => a.getAttribute('href') || a.getAttribute('hx-get'))"):
            parts = urlsplit(link)
            if not parts.path.startswith("/dashboard/") or parts.path.startswith("/dashboard/assets/") or "sort=" in link:
                continue
            if parts.path.endswith(("/openrc", "/clouds.yaml", "/file", "/download")):
                continue
            if pattern_of(link) not in seen:
                seen.add(pattern_of(link))
                queue.append(link)
    return found


def look(browser, page, address, problems, widths=(1280,)):
    """What is wrong with a page in this visitor's language and theme."""
    page.complaints.clear()
    page.goto(address)
    page.wait_for_function("document.documentElement.classList.contains('scripted')")
    for width in widths:
        page.set_viewport_size({"width": width, "height": 860})
        for wrong in page.evaluate(chromium.TOO_WIDE):
            problems.append(f"{address} at {width} px: {wrong}")
    for finding in browser.accessibility(page):
        problems.append(f"{address}: {finding}")
    for complaint in page.complaints:
        problems.append(f"{address}: {complaint}")
    if page.evaluate("window.harmed !== undefined"):
        problems.append(f"{address}: a name was run as a script")
    return page.evaluate(chromium.TEXTS)


def untranslated(korean, english):
    """Texts of a Korean page that are the English page's."""
    english = set(english)
    return sorted({text for text in korean if text in english and re.search(r"[A-Za-z]{3}", text) and not COMMON.match(text)
                   and not re.search(r"[가-힣]", text)})


def check(browser, screens, long=False):
    """All pages, in both languages and both themes."""
    finder = browser.visitor("en")
    browser.sign_in(finder)
    addresses = collect(finder)
    expect(len(addresses) >= 40, f"only {len(addresses)} pages were found: {addresses}")
    problems, widths = [], (1024, 1280, 3840, 390) if long else (1024,)
    visitors = {}
    for lang, theme in (("en", "dark"), ("ko", "light")) + ((("en", "light"), ("ko", "dark")) if long else ()):
        visitors[lang, theme] = page = browser.visitor(lang, theme)
        browser.sign_in(page)
    for address in addresses:
        texts = {}
        for (lang, theme), page in visitors.items():
            texts[lang] = look(browser, page, address, problems, widths)
            name = re.sub(r"[^a-z0-9]+", "-", pattern_of(address).removeprefix("/dashboard/").lower()).strip("-") or "overview"
            path = screens / f"pages-{lang}-{theme}"
            path.mkdir(parents=True, exist_ok=True)
            page.set_viewport_size({"width": 1280, "height": 860})
            page.screenshot(path=path / f"{name}.png", full_page=True)
        for text in untranslated(texts["ko"], texts["en"]):
            problems.append(f"{address}: not translated: {text!r}")
    if problems:
        raise Failed(f"{len(problems)} problems on {len(addresses)} pages:\n" + "\n".join(problems[:200]))
    return f"{len(addresses)} pages"
