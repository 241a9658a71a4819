"""The walk-through of the contract in a browser, as somebody does it who never saw a terminal: each step by clicks on the page, each
figure read off the page, and what it comes to looked at on the host. The same steps in every language."""

import hashlib
import ipaddress
import re
import shlex
from pathlib import Path

from playwright.sync_api import expect as that
from walkthrough import host
from walkthrough.shell import Failed, expect, run, until

from .chromium import TOO_WIDE, from_the_top

# A boot under emulation on a busy machine of two cores takes this long at the most.
BOOT_SECONDS = 240
# For what must take effect at once; generous, because the machine may be busy.
SOON_SECONDS = 120
that.set_options(timeout=SOON_SECONDS * 1000)
KEY = "my-key"
FIRST_POOL = "172.31.0.20–172.31.0.200"
POOL = ("172.31.0.50", "172.31.0.99")
ID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


class Story:
    """What the steps learn and hand on, and how they use a page."""

    def __init__(self, browser, cloud, image, lang, screens):
        self.browser, self.cloud, self.image, self.lang = browser, cloud, Path(image), lang
        self.page = browser.visitor(lang)
        self.screens = screens / lang
        self.screens.mkdir(parents=True, exist_ok=True)
        for former in self.screens.glob("*.png"):
            former.unlink()
        self.pictures = 0
        # Where this visitor's browser keeps what it downloads.
        self.files = cloud.work / f"downloads-{lang}"
        self.files.mkdir(exist_ok=True)
        self.network = self.router = self.server = self.volume_server = self.group = None
        self.fixed_ip = self.floating_ip = None

    @property
    def key(self):
        return self.files / f"{KEY}.pem"

    @property
    def qdhcp(self):
        return f"qdhcp-{self.network}"

    @property
    def qrouter(self):
        return f"qrouter-{self.router}"

    # -- the page ---------------------------------------------------------------------------------------------------

    def picture(self, name, whole=True):
        self.pictures += 1
        if whole:
            from_the_top(self.page)
        self.page.screenshot(path=self.screens / f"{self.pictures:02}-{name}.png", full_page=whole)
        if name != "failed":
            wrong = self.page.evaluate(TOO_WIDE) + self.browser.accessibility(self.page)
            expect(not wrong, f"the page of picture {self.pictures}, {name}:\n" + "\n".join(wrong))

    def go(self, part):
        """By the navigation, as people do."""
        self.page.click(f"#nav a[href='/dashboard/{part}']")
        self.page.wait_for_url(f"**/dashboard/{part}")

    def dialog(self, opener, within="#main"):
        """Opens a dialog by its link; the first of those that can be seen."""
        self.page.locator(f"{within} {opener}").locator("visible=true").first.click()
        dialog = self.page.locator("#dialog[open]")
        that(dialog.locator("form")).to_be_visible()
        return dialog

    def send(self, dialog):
        """Sends a dialog's form. It closes if that was taken; else its problem is told."""
        dialog.locator("footer [type=submit]").click()
        until(SOON_SECONDS, "the dialog to close", self.is_closed)

    def is_closed(self):
        refused = self.page.locator("#dialog[open] .problem")
        if refused.count():
            raise Failed(f"the page says: {refused.first.inner_text()}")
        return self.page.locator("#dialog[open]").count() == 0

    def arrive(self, kind):
        """The page of what was just made; its id."""
        self.page.wait_for_url(re.compile(f"/dashboard/{kind}/{ID}$"))
        return self.page.url.rsplit("/", 1)[1]

    def sees(self, text, selector="#main"):
        """A text shows up by itself, without loading the page again."""
        that(self.page.locator(selector).first).to_contain_text(text)

    def is_empty(self, part):
        self.go(part)
        that(self.page.locator("section.empty")).to_be_visible(timeout=SOON_SECONDS * 1000)

    def delete(self, address, button=".button.danger"):
        """Deletes what a page shows, by its own button; the list is shown then."""
        self.page.goto(address)
        self.send(self.dialog(button, ".page-head"))
        self.page.wait_for_url(f"**{address.rsplit('/', 1)[0]}")

    # -- the host ---------------------------------------------------------------------------------------------------

    def ssh(self, namespace, address, command):
        """Logs in from a namespace of the host with the page's key, and runs a command."""
        return host.inside(
            namespace, "ssh", "-i", self.key, "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
            "-o", "LogLevel=ERROR", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "ConnectTimeout=5",
            f"cirros@{address}", command, deadline=30)


def select(field, words):
    """Chooses from a drop-down by a part of what it says."""
    field.select_option(field.locator("option", has_text=words).get_attribute("value"))


def sign_in(story):
    """A wrong password is refused with words; the right one leads to the page that was wanted."""
    page = story.page
    page.goto("/dashboard/networks")
    page.wait_for_url("**/dashboard/login**")
    expect(page.locator("html").get_attribute("lang") == story.lang, "the page does not speak the browser's language")
    story.picture("sign-in")
    page.fill("#f-user", "demo")
    page.fill("#f-password", "not-the-password")
    page.click("button.main")
    that(page.locator(".problem")).to_be_visible()
    expect(page.input_value("#f-user") == "demo", "the name has to be typed again")
    page.fill("#f-password", story.browser.password("demo"))
    page.click("button.main")
    page.wait_for_url("**/dashboard/networks")
    cookies = {cookie["name"]: cookie for cookie in page.context.cookies()}
    session = cookies["maru_session"]
    expect(session["httpOnly"] and session["sameSite"] == "Lax", f"the session's cookie: {session}")
    story.go("")
    story.picture("overview")


def create_network(story):
    """The wizard: network, subnet, details; the prefix is looked at while it is typed."""
    page = story.page
    story.go("networks")
    dialog = story.dialog("a[href='/dashboard/networks/new']")
    dialog.locator("#f-name").fill("net1")
    story.picture("network-wizard", whole=False)
    dialog.locator("[data-next]").click()
    dialog.locator("#f-subnet_name").fill("subnet1")
    dialog.locator("#f-cidr").press_sequentially("172.31.0.9/24")
    that(dialog.locator("#c-cidr .note.warn")).to_contain_text("172.31.0.0/24")
    dialog.locator("#f-cidr").fill("172.31.0.0/24")
    that(dialog.locator("#c-cidr .note.good")).to_be_visible()
    dialog.locator("#f-gateway").fill("172.31.0.1")
    story.picture("network-wizard-subnet", whole=False)
    dialog.locator("[data-next]").click()
    expect(dialog.locator("[name=dhcp]").is_checked(), "DHCP is not on by default")
    dialog.locator("#f-pools").fill("172.31.0.20,172.31.0.200")
    dialog.locator("#f-dns").fill("1.1.1.1")
    story.picture("network-wizard-details", whole=False)
    dialog.locator("[data-last]").click()
    story.network = story.arrive("networks")
    for text in ("subnet1", "172.31.0.0/24", "172.31.0.1", FIRST_POOL, "1.1.1.1"):
        story.sees(text, "#subnets")
    story.picture("network")


def topology(story):
    """The network stands in the picture; a click opens its card with what can be done there."""
    page = story.page
    story.go("topology")
    page.click(f"#network-{story.network}")
    story.sees("net1", "#topology-card")
    story.sees("172.31.0.0/24", "#topology-card")
    story.picture("topology")


def edit_pool(story):
    """The subnet's pool is changed afterwards."""
    page = story.page
    page.goto(f"/dashboard/networks/{story.network}")
    page.click("#subnets td.row-menu summary")
    dialog = story.dialog("a[href$='/edit']", "#subnets")
    expect(dialog.locator("#f-pools").input_value() == "172.31.0.20,172.31.0.200", "the form does not hold the pool")
    dialog.locator("#f-pools").fill(",".join(POOL))
    story.picture("edit-pool", whole=False)
    story.send(dialog)
    story.sees("–".join(POOL), "#subnets")


def make_key(story):
    """A key pair made in the page: the browser keeps its private half, once; no page has it afterwards."""
    page = story.page
    story.go("key-pairs")
    dialog = story.dialog("a[href='/dashboard/key-pairs/new']")
    dialog.locator("#f-name").fill(KEY)
    dialog.locator("footer [type=submit]").click()
    private = dialog.locator(".private-key pre[id]")
    that(private).to_contain_text("-----BEGIN RSA PRIVATE KEY-----")
    # The key itself is on no picture.
    private.evaluate("element => { element.style.filter = 'blur(5px)'; }")
    story.picture("key-pair", whole=False)
    with page.expect_download() as begun:
        dialog.locator("[data-save]").click()
    expect(begun.value.suggested_filename == story.key.name, f"the file is called {begun.value.suggested_filename}")
    begun.value.save_as(story.key)
    story.key.chmod(0o600)
    expect(story.key.read_text() == private.text_content(), "the file is not the key that was shown")
    made = run("ssh-keygen", "-y", "-f", story.key)
    expect(made.code == 0, f"ssh cannot read the key:\n{made}")
    dialog.locator("footer a").click()
    page.goto(f"/dashboard/key-pairs/show?name={KEY}")
    expect(made.out.split()[1] in page.content(), "the page shows another public key")
    expect("PRIVATE KEY" not in page.content(), "a page has the private key again")


def upload_image(story):
    """The guest image goes up from the browser, which finds the same checksum as the cloud."""
    page = story.page
    story.go("images")
    dialog = story.dialog("a[href='/dashboard/images/new']")
    dialog.locator("#f-file").set_input_files(story.image)
    that(dialog.locator("[data-upload-note]")).to_contain_text("qcow2")
    dialog.locator("#f-name").fill("tiny-guest")
    story.picture("image", whole=False)
    dialog.locator("footer [type=submit]").click()
    that(dialog.locator("[data-sum=same]")).to_be_visible(timeout=SOON_SECONDS * 1000)
    digest = hashlib.sha512(story.image.read_bytes()).hexdigest()
    expect(digest in dialog.inner_html(), "the cloud's checksum is another")
    story.picture("image-uploaded", whole=False)
    dialog.locator("footer a[href^='/dashboard/images/']").click()
    page.wait_for_url(re.compile(f"/dashboard/images/{ID}$"))
    that(page.locator(".title-line .badge.good")).to_be_visible()


def launch(story):
    """A server from the image: what is missing is said until nothing is; the page follows it until it runs."""
    story.server = _launch(story, "vm1", into_volume=False)
    row = story.page.locator("tr", has=story.page.locator(f"a[href='/dashboard/networks/{story.network}']"))
    story.fixed_ip = row.locator("td").nth(1).locator("code").first.text_content()
    address = ipaddress.ip_address(story.fixed_ip)
    expect(ipaddress.ip_address(POOL[0]) <= address <= ipaddress.ip_address(POOL[1]), f"{address} is not in the pool")
    story.picture("server")


def launch_from_volume(story):
    """A second one from a new volume, which is to go with it."""
    story.volume_server = _launch(story, "vm2", into_volume=True)
    page = story.page
    page.locator("a[href^='/dashboard/volumes/']").first.click()
    page.wait_for_url(re.compile(f"/dashboard/volumes/{ID}$"))
    story.sees("vm2")
    story.picture("volume")


def _launch(story, name, into_volume):
    page = story.page
    story.go("servers")
    dialog = story.dialog("a[href='/dashboard/servers/new']")
    missing = dialog.locator(".review-missing")
    that(missing).to_be_visible()
    next_step = lambda: dialog.locator("[data-next]").click()
    choose = lambda field, text: dialog.locator(".choice", has=page.locator(f"input[name={field}]")).filter(
        has=page.get_by_text(text, exact=True)).locator("input").check()
    dialog.locator("#f-name").fill(name)
    next_step()
    choose("image", "tiny-guest")
    if into_volume:
        dialog.locator("[name=into_volume]").check()
        dialog.locator("#f-volume_size").fill("1")
        dialog.locator("[data-step].now [name=delete_volume]").locator("visible=true").check()
    story.picture(f"launch-{name}-source", whole=False)
    next_step()
    choose("flavor", "m1.micro")
    story.picture(f"launch-{name}-flavor", whole=False)
    next_step()
    choose("nic", "net1")
    next_step()
    expect(dialog.locator("[name=group]:checked").count() == 1, "the default group is not chosen at first")
    story.picture(f"launch-{name}-groups", whole=False)
    next_step()
    choose("key", KEY)
    story.picture(f"launch-{name}-key", whole=False)
    that(missing).to_have_count(0)
    dialog.locator("[data-launch]").click()
    until(SOON_SECONDS, "the launch", story.is_closed)
    server = story.arrive("servers")
    that(page.locator(".title-line .badge.good")).to_be_visible(timeout=BOOT_SECONDS * 1000)
    return server


def create_router(story):
    """A router with its gateway in "public"."""
    story.go("routers")
    dialog = story.dialog("a[href='/dashboard/routers/new']")
    dialog.locator("#f-name").fill("router-walk")
    select(dialog.locator("#f-gateway"), "public")
    story.picture("create-router", whole=False)
    dialog.locator("footer [type=submit]").click()
    story.router = story.arrive("routers")
    story.sees("172.24.4.", ".page-head ~ *:has(dt)")


def add_interface(story):
    """Its interface in the network; the page tells when both ends are up."""
    page = story.page
    dialog = story.dialog("a[href$='/interfaces/new']")
    select(dialog.locator("#f-subnet"), "net1: subnet1 172.31.0.0/24")
    story.picture("add-interface", whole=False)
    story.send(dialog)
    story.sees("172.31.0.1", "#interfaces")
    that(page.locator("#interfaces .badge.good")).to_be_visible(timeout=SOON_SECONDS * 1000)
    story.picture("router")
    story.go("topology")
    for key in (f"network-{story.network}", f"router-{story.router}", f"server-{story.server}"):
        that(page.locator(f"#{key}")).to_be_visible()
    story.picture("topology-whole")
    page.goto("/dashboard/topology?view=columns")
    story.picture("topology-columns")


def hard_reboot(story):
    """Hard reboot from the menu; the log in the page tells of a second boot, and the address stays."""
    page = story.page
    page.goto(f"/dashboard/servers/{story.server}/log")
    that(page.locator("#server-log")).to_contain_text("] ready", timeout=BOOT_SECONDS * 1000)
    page.click(".server-menu summary")
    dialog = story.dialog("a[href$='/do/hard-reboot']", ".server-menu")
    story.picture("hard-reboot", whole=False)
    story.send(dialog)
    log = lambda: page.locator("#server-log").inner_text()
    until(BOOT_SECONDS, "the end of the second boot", lambda: log().count("] ready") == 2)
    for line in (f"IP {story.fixed_ip}/24 by DHCP", "ssh key installed", "hostname: vm1", "DNS 1.1.1.1"):
        expect(line in log(), f"the log in the page lacks '{line}':\n{log()[-3000:]}")
    story.picture("log", whole=False)
    page.goto(f"/dashboard/servers/{story.server}")
    that(page.locator(".title-line .badge.good")).to_be_visible(timeout=SOON_SECONDS * 1000)
    story.sees(story.fixed_ip)


def ping_is_silent(story):
    """`ip netns` has what the pages say; ping is silent from the host and from the router: the page says why."""
    page = story.page
    page.goto(f"/dashboard/routers/{story.router}")
    page.click("#on-host summary")
    story.sees(story.qrouter, "#on-host")
    listed = host.namespaces()
    expect({story.qdhcp, story.qrouter} <= listed, f"ip netns lists {sorted(listed)}")
    legs = [address for found in host.addresses(story.qrouter).values() for address in found]
    expect("172.31.0.1/24" in legs and any(leg.startswith("172.24.4.") for leg in legs), f"addresses in the router's namespace: {legs}")
    story.picture("on-host")
    expect(not host.ping(story.cloud.namespace, story.fixed_ip, count=2), "the host got an answer from the fixed IP")
    expect(not host.ping(story.qrouter, story.fixed_ip, count=3), "the router's namespace got an answer before any rule")
    expect(host.ping(story.qrouter, "172.31.0.1"), "the router's own address does not answer")
    page.goto(f"/dashboard/servers/{story.server}")
    that(page.locator(".note.warn a[href$='/security-groups']")).to_be_visible()


# What the page says of each silent ping.
SENTENCES = {
    "SG_NO_INGRESS_RULE": {"en": "No ingress rule of the security groups of", "ko": "허용하는 수신 규칙이 없습니다"},
    "FIP_MISSING": {"en": "No floating IP leads to", "ko": "유동 IP가 없어 밖에서 쓸 주소가 없습니다"},
    "FIXED_IP_FROM_OUTSIDE": {"en": "outside nobody has a way to it", "ko": "밖에서는 갈 길이 없습니다"},
}


def silence_is_explained(story):
    """The page of the server says why each ping is silent, and a click on its button mends it: the real pings answer."""
    page = story.page
    page.goto(f"/dashboard/servers/{story.server}")
    badge = page.locator(".title-line .reach-badge")
    that(badge).to_have_class(re.compile("idle"))
    badge.click()
    page.wait_for_url(f"**/servers/{story.server}/reach")
    that(page.locator(".reach-matrix .cell.bad")).not_to_have_count(0)
    story.picture("reach-silent")

    # From the router: the security group.
    blocker = _why(story, "from=router", "which=fixed", "SG_NO_INGRESS_RULE")
    that(page.locator(".blocker")).to_have_count(1)
    story.picture("reach-router")
    page.click(".reach-verdict a[href^='/dashboard/topology']")
    that(page.locator(f"#at-network-{story.network}.way-stop")).to_be_visible()
    that(page.locator("#trace .stopped")).to_be_visible()
    story.picture("reach-topology")
    page.click("#trace a[href*='/reach?']")
    blocker.locator(".fix button").click()
    that(page.locator("#reach-answer.reached")).to_be_visible()
    until(SOON_SECONDS, "ping from the router's namespace", lambda: host.ping(story.qrouter, story.fixed_ip))
    story.picture("reach-router-mended")

    # From the host: an address inside, and none outside yet; the rule is for the router alone. One button mends all of it, which the next
    # steps do by hand for everybody.
    _why(story, "from=host", "which=fixed", "FIXED_IP_FROM_OUTSIDE")
    _why(story, "from=host", "which=floating", "FIP_MISSING")
    that(page.locator(".blocker", has_text="SG_WRONG_REMOTE")).to_have_count(1)
    story.picture("reach-host")
    page.click(".blockers-end .fix button")
    that(page.locator("#reach-answer.reached")).to_be_visible()
    address = page.locator("#reach-answer h2").inner_text()
    address = re.search(r"172\.24\.4\.\d+", address)[0]
    until(SOON_SECONDS, "ping of the floating IP from the host", lambda: host.ping(story.cloud.namespace, address))
    # It has an address outside now, and others are still turned away.
    that(page.locator(".title-line .reach-badge")).to_have_class(re.compile("warn"))
    story.picture("reach-host-mended")
    page.goto("/dashboard/topology?to=" + f"server%3A{story.server}" + "&from=host&view=columns")
    that(page.locator(f"#at-server-{story.server}.on-way")).to_be_visible()
    that(page.locator("#trace.reached")).to_be_visible()
    story.picture("reach-topology-columns")
    page.goto(f"/dashboard/servers/{story.server}")
    page.click(".server-menu summary")
    dialog = story.dialog("a[href$='/floating-ips/disassociate']", ".server-menu")
    dialog.locator("[name=release]").check()
    story.send(dialog)
    until(SOON_SECONDS, "silence without the floating IP", lambda: not host.ping(story.cloud.namespace, address))


def _why(story, place, which, code):
    """Selects a cell of the matrix, and gives what is in the way for it."""
    page = story.page
    cell = page.locator(f".reach-matrix a[href*='{place}&'][href*='{which}']")
    cell.click()
    that(cell).to_have_attribute("aria-current", "true")
    blocker = page.locator(".blocker", has_text=code)
    that(blocker).to_contain_text(SENTENCES[code][story.lang])
    return blocker


def add_rules(story):
    """Rules by templates, "All ICMP" and "All TCP", beside those that the buttons made for one address each: ping answers from the
    router's namespace."""
    page = story.page
    story.go("security-groups")
    page.get_by_role("link", name="default", exact=True).click()
    story.group = story.arrive("security-groups")
    for number, template in enumerate(("all-icmp", "all-tcp"), 1):
        dialog = story.dialog("a[href$='/rules/new']")
        dialog.locator("#f-template").select_option(template)
        code = dialog.locator(".preview .code-block code")
        that(code).to_contain_text(f"--protocol {template.removeprefix('all-')}")
        that(code).not_to_contain_text("--dst-port")
        story.picture(f"rule-{template}", whole=False)
        story.send(dialog)
        that(page.locator("#rules tbody tr", has_text="0.0.0.0/0").filter(has_text=template.removeprefix("all-"))).to_have_count(1)
    story.picture("rules")
    until(SOON_SECONDS, "ping from the router's namespace", lambda: host.ping(story.qrouter, story.fixed_ip))


def floating_ip(story):
    """One dialog takes an address from "public" and lets it lead to the server; the host's ping answers."""
    page = story.page
    page.goto(f"/dashboard/servers/{story.server}")
    dialog = story.dialog("a[href^='/dashboard/floating-ips/associate']", ".page-head")
    story.sees(story.fixed_ip, "#dialog")
    story.picture("floating-ip", whole=False)
    story.send(dialog)
    row = page.locator("tr", has=page.locator(f"a[href='/dashboard/networks/{story.network}']"))
    address = row.locator("td").nth(2).locator("code")
    that(address).to_have_text(re.compile(r"^172\.24\.4\.\d+$"))
    story.floating_ip = address.text_content()
    until(SOON_SECONDS, "ping of the floating IP from the host", lambda: host.ping(story.cloud.namespace, story.floating_ip))


def log_in(story):
    """ssh with the page's key over the floating IP, and to the fixed IP from inside the router: the command that the page shows."""
    page = story.page
    shown = page.locator(".code-block code", has_text="cirros@").first.text_content()
    words = shlex.split(shown)
    expect(words[:3] == ["sudo", "nsenter", f"--net=/run/netns/{story.cloud.namespace}"], f"the page's command: {shown}")
    expect(words[3:] == ["ssh", "-i", f"{KEY}.pem", f"cirros@{story.floating_ip}"], f"the page's command: {shown}")
    story.picture("ssh")
    for namespace, address in ((story.cloud.namespace, story.floating_ip), (story.qrouter, story.fixed_ip)):
        done = until(SOON_SECONDS, f"ssh to {address}", lambda: _good(story.ssh(namespace, address, "hostname; id -un; sudo id -un")))
        expect(done.out.split() == ["vm1", "cirros", "root"], f"in the server: {done.out!r}")
    print("     " + "\n     ".join(str(done).splitlines()), flush=True)


def _good(done):
    if done.code != 0:
        raise Failed(str(done))
    return done


def consoles(story):
    """The screen by noVNC, and the serial port with a login typed into it."""
    page = story.page
    page.goto(f"/dashboard/servers/{story.server}")
    page.click(".tabs a[href$='/console']")
    that(page.locator("#console-state")).to_have_class(re.compile("good"))
    canvas = page.locator("#console-screen canvas")
    colours = """canvas => { const { width, height } = canvas;
        return new Set(new Uint32Array(canvas.getContext("2d").getImageData(0, 0, width, height).data.buffer)).size; }"""
    until(SOON_SECONDS, "a picture of the screen", lambda: canvas.count() and canvas.evaluate(colours) > 1)
    story.picture("console")
    page.click(".console-kinds a[href$='kind=serial']")
    that(page.locator("#console-state")).to_have_class(re.compile("good"))
    rows = page.locator("#console-screen .xterm-rows")
    page.locator("#console-screen").click()
    page.keyboard.press("Enter")
    that(rows).to_contain_text("login:")
    page.keyboard.type("cirros\n", delay=20)
    that(rows).to_contain_text("assword")
    page.keyboard.type("gocubsgo\n", delay=20)
    page.keyboard.type("echo $((6*7))-seen\n", delay=20)
    that(rows).to_contain_text("42-seen")
    story.picture("console-serial")
    page.keyboard.type("exit\n", delay=20)


def look_back(story):
    """The servers' list, and what was done to the server."""
    page = story.page
    story.go("servers")
    row = page.locator("tbody tr", has_text="vm1")
    that(row.locator(".reach-badge")).to_have_class(re.compile("good"))
    that(row).to_contain_text(story.fixed_ip)
    that(row).to_contain_text(story.floating_ip)
    story.picture("servers")
    page.goto(f"/dashboard/servers/{story.server}/actions-log")
    story.picture("actions-log")


def delete_everything(story):
    """What was made is deleted from the pages, the last thing first; what is in use is refused with words."""
    page = story.page
    page.goto(f"/dashboard/networks/{story.network}")
    dialog = story.dialog(".button.danger", ".page-head")
    that(dialog.locator(".victims .note.warn a")).to_be_visible()
    that(dialog.locator("footer [type=submit]")).to_be_disabled()
    story.picture("refused", whole=False)
    dialog.locator("footer [data-close]").click()

    page.goto(f"/dashboard/servers/{story.server}")
    page.click(".server-menu summary")
    dialog = story.dialog("a[href$='/floating-ips/disassociate']", ".server-menu")
    dialog.locator("[name=release]").check()
    story.send(dialog)
    until(SOON_SECONDS, "silence without the floating IP", lambda: not host.ping(story.cloud.namespace, story.floating_ip))
    story.is_empty("floating-ips")
    story.go("servers")
    page.check("[data-select-all]")
    dialog = story.dialog("#bulk .danger", "#list")
    story.picture("delete-servers", whole=False)
    story.send(dialog)
    that(page.locator("section.empty")).to_be_visible(timeout=SOON_SECONDS * 1000)
    story.is_empty("volumes")

    page.goto(f"/dashboard/routers/{story.router}")
    story.send(story.dialog("#interfaces .danger"))
    that(page.locator("#interfaces tbody tr")).to_have_count(0)
    story.delete(f"/dashboard/routers/{story.router}")
    story.delete(f"/dashboard/networks/{story.network}")
    page.goto(f"/dashboard/security-groups/{story.group}")
    rules = page.locator("#rules tbody tr").filter(has_text=re.compile("icmp|tcp", re.I))
    that(rules).to_have_count(4)
    for rule in rules.all():
        rule.locator("input[name=id]").check()
    story.send(story.dialog("#bulk .danger", "#rules"))
    that(rules).to_have_count(0)
    page.goto(f"/dashboard/key-pairs/show?name={KEY}")
    story.send(story.dialog(".button.danger", ".page-head"))
    page.wait_for_url("**/dashboard/key-pairs")
    story.is_empty("key-pairs")
    story.go("images")
    page.locator("tbody").get_by_role("link", name="tiny-guest", exact=True).click()
    page.wait_for_url(re.compile(f"/dashboard/images/{ID}$"))
    story.delete(f"/dashboard/images/{page.url.rsplit('/', 1)[1]}")
    gone = {story.qdhcp, story.qrouter}
    until(SOON_SECONDS, "the namespaces to go", lambda: not gone & host.namespaces())
    until(SOON_SECONDS, "QEMU to go", lambda: not [
        line for line in host.processes(str(story.cloud.state)).values() if "qemu" in line.split(" ")[0]])


def sign_out(story):
    """Signing out ends the session, for copies of its cookie too."""
    page = story.page
    cookies = page.context.cookies()
    story.go("")
    story.picture("overview-after")
    page.click(".account summary")
    page.click("form[action='/dashboard/logout'] button")
    page.wait_for_url("**/dashboard/login")
    page.context.add_cookies(cookies)
    page.goto("/dashboard/servers")
    page.wait_for_url("**/dashboard/login**")
    # What was still asked for when its dialog was sent and closed is given up; htmx tells that, too.
    expected = re.compile(r"status of (401|409|422)|htmx:(afterRequest|sendAbort),")
    odd = [complaint for complaint in page.complaints if not expected.search(complaint)]
    expect(not odd, "the browser complains:\n" + "\n".join(odd))


STEPS = [
    sign_in, create_network, topology, edit_pool, make_key, upload_image, launch, launch_from_volume, create_router, add_interface,
    hard_reboot, ping_is_silent, silence_is_explained, add_rules, floating_ip, log_in, consoles, look_back, delete_everything, sign_out,
]
