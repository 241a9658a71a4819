"""A cloud to be measured, and its API over one kept connection: what is measured must not be the client."""

import http.client
import json
import re
import signal
import subprocess
import time

from walkthrough.cloud import Cloud as WalkthroughCloud
from walkthrough.shell import Failed

from .clocks import now

START_LIMIT = 60
READY_LIMIT = 120


class Cloud(WalkthroughCloud):
    """One all-in-one cloud on the real host part, in a host namespace of its own."""

    def __init__(self, program):
        super().__init__(program, "unused")
        self.api = None

    def launch(self):
        """`maru up`; returns the moment it was called, without waiting for anything."""
        with open(self.log, "ab") as log:
            began = now()
            self.process = subprocess.Popen(
                [self.program, "up", "--state-dir", self.state, "--listen", self.address, "--host-netns", self.namespace],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        return began

    def up(self):
        """Starts it and logs in. Returns the seconds to the first token and those until everything stands."""
        began = self.launch()
        self.until_answering()
        self.api = Api(self.address, self.state)
        token = now() - began
        self.until_ready()
        return token, now() - began

    def until_answering(self):
        """Waits until the API answers. It listens early: a request that waits there is answered the moment it can be."""
        deadline = time.monotonic() + START_LIMIT
        while True:
            if self.process.poll() is not None:
                raise Failed(f"maru ended with {self.process.returncode}:\n{self.log_tail(20)}")
            connection = http.client.HTTPConnection(self.address, timeout=START_LIMIT)
            try:
                connection.request("GET", "/healthz")
                connection.getresponse().read()
                return
            except (OSError, http.client.HTTPException):
                if time.monotonic() > deadline:
                    raise Failed(f"maru did not answer within {START_LIMIT} s") from None
            finally:
                connection.close()
            time.sleep(0.002)

    def until_ready(self):
        """Waits until the host has applied what is wanted of it and all of it stands."""
        deadline = time.monotonic() + READY_LIMIT
        while not self.is_ready():
            if time.monotonic() > deadline:
                raise Failed(f"the cloud was not ready within {READY_LIMIT} s: {self.status()}")
            time.sleep(0.02)

    def status(self):
        return self.api.ask("GET", "/maru/v1/status")["status"]

    def is_ready(self):
        status = self.status()
        host = status["host"]
        return host["applied_revision"] == host["wanted_revision"] > 0 and not status["not_ready"]

    def settle(self, seconds=1.0):
        """Waits until what was asked for stands, and nothing has changed for a while."""
        calm_since, last = now(), None
        deadline = time.monotonic() + READY_LIMIT
        while now() - calm_since < seconds:
            status = self.status()["host"]
            seen = (status["applied_revision"], status["wanted_revision"])
            if seen != last or seen[0] != seen[1]:
                calm_since, last = now(), seen
            if time.monotonic() > deadline:
                raise Failed(f"the cloud did not come to rest within {READY_LIMIT} s: {self.status()}")
            time.sleep(0.05)

    @property
    def pid(self):
        return self.process.pid

    def crash(self):
        """`kill -9`."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)


class Api:
    """Requests as the administrator of the project `admin`, whose quotas are lifted."""

    def __init__(self, address, state):
        self.connection = http.client.HTTPConnection(address, timeout=60)
        self.headers = {"Accept": "application/json", "Content-Type": "application/json"}
        password = re.search(r"^export OS_PASSWORD='?([^'\n]*)'?$", (state / "openrc").read_text(), re.M)[1]
        who = {"name": "admin", "domain": {"id": "default"}}
        login = {"auth": {"identity": {"methods": ["password"], "password": {"user": {**who, "password": password}}},
                          "scope": {"project": who}}}
        _, headers, token = self.send("POST", "/identity/v3/auth/tokens", login)
        self.headers["X-Auth-Token"] = headers["X-Subject-Token"]
        self.project = token["token"]["project"]["id"]

    def send(self, method, path, body=None, raw=None):
        """(status, headers, JSON)."""
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        headers = self.headers if raw is None else {**self.headers, "Content-Type": "application/octet-stream"}
        self.connection.request(method, path, data, headers)
        answer = self.connection.getresponse()
        text = answer.read()
        return answer.status, answer.headers, json.loads(text) if text else None

    def ask(self, method, path, body=None, raw=None):
        """The answer's JSON; anything but success is a failure."""
        status, _, answer = self.send(method, path, body, raw)
        if not 200 <= status < 300:
            raise Failed(f"{method} {path}: {status} {answer}")
        return answer

    def make(self, kind, **fields):
        """Creates a resource of the network service; returns its document."""
        path = {"security_group": "security-groups", "security_group_rule": "security-group-rules",
                "floatingip": "floatingips"}.get(kind, f"{kind}s")
        return self.ask("POST", f"/networking/v2.0/{path}", {kind: fields})[kind]

    def lift_quotas(self):
        kinds = ("network", "subnet", "port", "router", "floatingip", "security_group", "security_group_rule")
        self.ask("PUT", f"/networking/v2.0/quotas/{self.project}", {"quota": dict.fromkeys(kinds, -1)})

    # -- what the bench makes ---------------------------------------------------------------------------------------

    def public(self):
        return self.ask("GET", "/networking/v2.0/networks?name=public")["networks"][0]["id"]

    def network(self, name, cidr, router=None):
        """A network with one subnet, behind a router if one is given. Returns its id."""
        network = self.make("network", name=name)["id"]
        subnet = self.make("subnet", network_id=network, ip_version=4, cidr=cidr)["id"]
        if router:
            self.ask("PUT", f"/networking/v2.0/routers/{router}/add_router_interface", {"subnet_id": subnet})
        return network

    def router(self):
        return self.make("router", name="bench", external_gateway_info={"network_id": self.public()})["id"]

    def group(self, name, *protocols):
        """A security group that lets these protocols in from anywhere. Returns its id."""
        group = self.make("security_group", name=name)["id"]
        for protocol in protocols:
            self.rule(group, protocol)
        return group

    def rule(self, group, protocol):
        return self.make("security_group_rule", security_group_id=group, direction="ingress", protocol=protocol)["id"]

    def attach(self, port, namespace, ifname="eth0"):
        self.ask("PUT", f"/maru/v1/ports/{port}/attachment", {"attachment": {"netns": namespace, "ifname": ifname}})

    def delete(self, kind, identity):
        self.ask("DELETE", f"/networking/v2.0/{kind}/{identity}")
