"""The dashboard, on a simulated host: how long the server takes for its largest pages, and how soon a browser shows the first.

Server times are those of whole answers over one kept connection, of the page's middle as live pages ask for it and of the
page as a browser does. The first page is opened by headless Chromium with an empty cache; it is ready once its script ran."""

import json
import os
import subprocess
import sys
import time
import urllib.parse
from pathlib import Path

from walkthrough.shell import Failed

from . import clocks
from .cloud import Api, Cloud

PART = "dashboard"
SERVERS = 1000
WATCHERS = 100
# Topology: what one project of 200 objects has.
NETWORKS, ROUTERS = 25, 15


class SimulatedCloud(Cloud):
    """`maru up --node sim`."""

    def up(self):
        self.start(node="sim")
        self.api = Api(self.address, self.state)


class Visitor:
    """A browser without a screen: the session's cookie on one kept connection."""

    def __init__(self, cloud, user, password):
        import http.client
        self.address = cloud.address
        self.connection = http.client.HTTPConnection(cloud.address, timeout=60)
        form = urllib.parse.urlencode({"user": user, "password": password})
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
        self.connection.request("POST", "/dashboard/login", form, headers)
        answer = self.connection.getresponse()
        answer.read()
        if answer.status != 303:
            raise Failed(f"sign-in: {answer.status}")
        self.cookie = answer.headers["Set-Cookie"].split(";")[0]

    def get(self, path, **headers):
        self.connection.request("GET", path, headers={"Cookie": self.cookie, **headers})
        answer = self.connection.getresponse()
        body = answer.read().decode()
        if answer.status != 200:
            raise Failed(f"{path}: {answer.status} {body[:300]}")
        return body

    def times(self, path, samples):
        """Milliseconds for each of some answers."""
        times = []
        for _ in range(samples):
            began = clocks.now()
            self.get(path)
            times.append(clocks.ms(clocks.now() - began))
        return times

    def watch(self, path):
        """A live page, held open. Returns its connection."""
        import http.client
        page = self.get(path)
        shown = page.split('data-shown="')[1].split('"')[0]
        connection = http.client.HTTPConnection(self.address, timeout=60)
        connection.request("GET", f"/dashboard/live?of={urllib.parse.quote(path)}&shown={shown}", headers={"Cookie": self.cookie})
        return connection


def measure(bench):
    cloud = SimulatedCloud(bench.options.maru)
    try:
        cloud.up()
        sow(cloud.api, bench.few(SERVERS, 60))
        visitor = Visitor(cloud, "admin", password(cloud))
        other = Visitor(cloud, "topology", "topology-1")
        settled(cloud.api)
        samples = bench.few(200, 10)
        # The first makes what all share; it is part of none.
        visitor.get("/dashboard/servers")
        bench.add(PART, f"list of {SERVERS} servers", visitor.times("/dashboard/servers", samples), "ms", at_most=50)
        bench.add(PART, f"list of {SERVERS} servers, searched and sorted",
                  visitor.times("/dashboard/servers?search=server-1&sort=addresses", samples), "ms", at_most=50)
        other.get("/dashboard/topology")
        bench.add(PART, "topology of 200 objects, graph", other.times("/dashboard/topology?view=graph", samples), "ms", at_most=50)
        bench.add(PART, "topology of 200 objects, columns", other.times("/dashboard/topology?view=columns", samples), "ms", at_most=50)
        watched(bench, cloud, visitor)
        first_page(bench, cloud)
    finally:
        cloud.remove_all()


def password(cloud):
    return next(line.split("=", 1)[1].strip("'\"\n") for line in (cloud.state / "openrc").open() if "OS_PASSWORD=" in line)


def sow(api, servers):
    """A project of so many servers, and one of 200 objects of every kind."""
    quota = {"instances": -1, "cores": -1, "ram": -1}
    api.ask("PUT", f"/compute/v2.1/os-quota-sets/{api.project}", {"quota_set": quota})
    api.lift_quotas()
    image = api.ask("POST", "/image/v2/images", {"name": "bench", "disk_format": "raw", "container_format": "bare", "visibility": "public"})["id"]
    api.ask("PUT", f"/image/v2/images/{image}/file", raw=bytes(1 << 20))
    flavor = api.ask("POST", "/compute/v2.1/flavors", {"flavor": {"name": "bench", "ram": 64, "vcpus": 1, "disk": 1}})["flavor"]["id"]
    network = api.network("bench", "10.90.0.0/16")
    launch(api, image, flavor, network, "server", servers)

    project = api.ask("POST", "/identity/v3/projects", {"project": {"name": "topology"}})["project"]["id"]
    user = {"name": "topology", "password": "topology-1", "default_project_id": project}
    user = api.ask("POST", "/identity/v3/users", {"user": user})["user"]["id"]
    role = api.ask("GET", "/identity/v3/roles?name=member")["roles"][0]["id"]
    api.send("PUT", f"/identity/v3/projects/{project}/users/{user}/roles/{role}")
    api.ask("PUT", f"/compute/v2.1/os-quota-sets/{project}", {"quota_set": quota})
    kinds = ("network", "subnet", "port", "router")
    api.ask("PUT", f"/networking/v2.0/quotas/{project}", {"quota": dict.fromkeys(kinds, -1)})
    member = Api.__new__(Api)
    member.connection, member.headers, member.project = api.connection, dict(api.headers), project
    login = {"auth": {"identity": {"methods": ["password"], "password": {"user": {"id": user, "password": "topology-1"}}},
                      "scope": {"project": {"id": project}}}}
    _, headers, _ = member.send("POST", "/identity/v3/auth/tokens", login)
    member.headers["X-Auth-Token"] = headers["X-Subject-Token"]
    routers = [member.router() for _ in range(ROUTERS)]
    networks = [member.network(f"net-{number}", f"10.{100 + number}.0.0/24", routers[number % ROUTERS]) for number in range(NETWORKS)]
    # With the external network, 200 objects are drawn.
    rest = 200 - NETWORKS - ROUTERS - 1
    for number, network in enumerate(networks):
        launch(member, image, flavor, network, f"node-{number}", rest // NETWORKS + (number < rest % NETWORKS))


def launch(api, image, flavor, network, name, count):
    body = {"server": {"name": name, "imageRef": image, "flavorRef": flavor, "networks": [{"uuid": network}], "min_count": count, "max_count": count}}
    api.ask("POST", "/compute/v2.1/servers", body)


def settled(api, limit=180):
    """Waits until every server stands."""
    deadline = time.monotonic() + limit
    while True:
        left = api.ask("GET", "/compute/v2.1/servers?all_tenants=1&status=BUILD&limit=1")["servers"]
        failed = api.ask("GET", "/compute/v2.1/servers?all_tenants=1&status=ERROR&limit=1")["servers"]
        if failed:
            raise Failed(f"a server is in error: {failed}")
        if not left:
            return
        if time.monotonic() > deadline:
            raise Failed(f"servers were not built within {limit} s")
        time.sleep(0.2)


def watched(bench, cloud, visitor):
    """What open pages cost while nothing happens, and how soon they tell of what does."""
    watchers = [visitor.watch("/dashboard/networks") for _ in range(WATCHERS)]
    streams = [connection.getresponse() for connection in watchers]
    time.sleep(1)
    seconds = bench.few(10, 3)
    before, began = clocks.cpu_seconds(cloud.pid), clocks.now()
    time.sleep(seconds)
    share = (clocks.cpu_seconds(cloud.pid) - before) / (clocks.now() - began) * 100
    bench.add(PART, f"CPU with {WATCHERS} live pages open, nothing happening", share, "%", at_most=1)
    times = []
    for number in range(bench.few(5, 2)):
        began = clocks.now()
        cloud.api.make("network", name=f"live-{number}")
        for stream in streams:
            until_told(stream, f"live-{number}")
        times.append(clocks.ms(clocks.now() - began))
    bench.add(PART, f"a change until all of {WATCHERS} live pages show it", times, "ms", at_most=1000)
    for connection in watchers:
        connection.close()


def until_told(stream, word):
    """Reads a stream of events up to the end of the one that holds a word."""
    event = b""
    while True:
        line = stream.readline()
        if not line:
            raise Failed("a live page was hung up on")
        event += line
        if line == b"\n":
            if word.encode() in event:
                return
            event = b""


def first_page(bench, cloud):
    """The overview in headless Chromium, signed in, with nothing in its cache."""
    python = Path(os.environ.get("MARU_TARGET", "target")) / "venv/browser/bin/python"
    if not python.exists():
        raise Failed(f"{python} is missing: scripts/bench.sh makes it")
    script = Path(__file__).with_name("first_page.py")
    answer = subprocess.run([python, script, cloud.url, password(cloud), str(bench.few(10, 2))], capture_output=True, text=True, timeout=180)
    if answer.returncode:
        raise Failed(f"Chromium: {answer.stderr[-2000:]}")
    seen = json.loads(answer.stdout)
    bench.add(PART, "first page ready in Chromium, empty cache", seen["ready_ms"], "ms", at_most=1000)
    bench.add(PART, "transferred for it", seen["bytes"] / 1000, "kB", at_most=300)
    print(f"  (its files: {', '.join(seen['files'])})", file=sys.stderr)
