"""The cloud's API without a client: requests may be cut off by a crash, and the caller learns whether one was answered."""

import http.client
import json
import re

from walkthrough.shell import Failed


class Cut(Exception):
    """No answer came: the program died on the way. What was asked may or may not have happened."""


class Api:
    """Requests as the administrator of the project `admin`."""

    def __init__(self, cloud):
        self.cloud, self.token = cloud, None

    def login(self):
        openrc = (self.cloud.state / "openrc").read_text()
        password = re.search(r"^export OS_PASSWORD='?([^'\n]*)'?$", openrc, re.M)[1]
        who = {"name": "admin", "domain": {"id": "default"}}
        body = {"auth": {"identity": {"methods": ["password"], "password": {"user": {**who, "password": password}}},
                         "scope": {"project": who}}}
        status, headers, answer = self.send("POST", "/identity/v3/auth/tokens", body)
        if status != 201:
            raise Failed(f"no token: {status} {answer}")
        self.token = headers["X-Subject-Token"]

    def send(self, method, path, body=None, raw=None, headers=None):
        """(status, headers, JSON). Raises Cut if no whole answer comes."""
        headers = {**(headers or {}), "Accept": "application/json", "Content-Type": "application/json" if raw is None else "application/octet-stream"}
        if self.token:
            headers["X-Auth-Token"] = self.token
        data = raw if raw is not None else None if body is None else json.dumps(body)
        connection = http.client.HTTPConnection(self.cloud.address, timeout=60)
        try:
            connection.request(method, path, data, headers)
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise Cut(str(error)) from error
        finally:
            connection.close()
        return answer.status, answer.headers, json.loads(text) if text else None

    def ask(self, method, path, body=None, raw=None):
        """The answer's JSON; anything but success is a failure."""
        status, _, answer = self.send(method, path, body, raw)
        if not 200 <= status < 300:
            raise Failed(f"{method} {path}: {status} {answer}")
        return answer

    # -- what the tests make ----------------------------------------------------------------------------------------

    def upload(self, image):
        made = self.ask("POST", "/image/v2/images", {
            "name": "tiny", "disk_format": "qcow2", "container_format": "bare", "visibility": "public"})
        self.ask("PUT", f"/image/v2/images/{made['id']}/file", raw=image.read_bytes())
        return made["id"]

    def network(self, cidr):
        network = self.ask("POST", "/networking/v2.0/networks", {"network": {"name": "net"}})["network"]["id"]
        subnet = self.ask("POST", "/networking/v2.0/subnets", {
            "subnet": {"network_id": network, "ip_version": 4, "cidr": cidr}})["subnet"]["id"]
        return network, subnet

    def router(self, subnet):
        networks = self.ask("GET", "/networking/v2.0/networks?name=public")["networks"]
        router = self.ask("POST", "/networking/v2.0/routers", {
            "router": {"name": "r", "external_gateway_info": {"network_id": networks[0]["id"]}}})["router"]["id"]
        self.ask("PUT", f"/networking/v2.0/routers/{router}/add_router_interface", {"subnet_id": subnet})
        return router

    def flavor(self, name):
        flavors = self.ask("GET", "/compute/v2.1/flavors")["flavors"]
        return next(flavor["id"] for flavor in flavors if flavor["name"] == name)

    def create_server(self, name, image, network, flavor):
        return self.ask("POST", "/compute/v2.1/servers", {"server": {
            "name": name, "imageRef": image, "flavorRef": flavor, "networks": [{"uuid": network}]}})["server"]["id"]

    def server(self, identity):
        """The server's document; None when there is no such server."""
        status, _, answer = self.send("GET", f"/compute/v2.1/servers/{identity}")
        if status == 404:
            return None
        if status != 200:
            raise Failed(f"server {identity}: {status} {answer}")
        return answer["server"]

    def servers(self):
        return self.ask("GET", "/compute/v2.1/servers/detail")["servers"]

    def ports(self, **filters):
        query = "&".join(f"{key}={value}" for key, value in filters.items())
        return self.ask("GET", f"/networking/v2.0/ports?{query}")["ports"]
