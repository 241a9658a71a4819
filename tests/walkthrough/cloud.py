"""The cloud under test and the client that talks to it."""

import json
import os
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from . import host
from .shell import Failed, must, run, until


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Cloud:
    """One all-in-one cloud with a state directory, an API port and a host namespace of its own."""

    def __init__(self, program, venv):
        self.program, self.venv = Path(program), Path(venv)
        self.work = Path(tempfile.mkdtemp(prefix="maru-walk-"))
        # The servers run as a user without rights and must reach their files below here.
        self.work.chmod(0o755)
        self.state = self.work / "state"
        self.namespace = f"maru-walk-{os.getpid()}"
        self.address = f"127.0.0.1:{free_port()}"
        self.url = f"http://{self.address}"
        self.log = self.work / "maru.log"
        self.process = None

    def start(self, tls="off", node="real"):
        """`maru up`, and the wait until its API answers."""
        self.url = f"{'http' if tls == 'off' else 'https'}://{self.address}"
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [self.program, "up", "--state-dir", self.state, "--listen", self.address, "--host-netns", self.namespace,
                 "--tls", tls, "--node", node],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        until(60, "the API to answer", self.answers)

    def answers(self):
        if self.process.poll() is not None:
            raise SystemExit(f"maru ended with {self.process.returncode}:\n{self.log_tail(20)}")
        try:
            # The authority's certificate is there once the cloud has begun to answer.
            authority = self.state / "ca.pem" if self.url.startswith("https:") else None
            context = ssl.create_default_context(cafile=authority)
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=5, context=context) as answer:
                return answer.status == 200
        except OSError as error:
            raise Failed(f"GET {self.url}/healthz: {error}") from error

    def stop(self):
        """SIGTERM, as systemd does."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(60)
        if code != 0:
            raise Failed(f"maru ended with {code} after SIGTERM:\n{self.log_tail(20)}")

    def kill(self):
        """The plug pulled: no last words."""
        self.process.kill()
        self.process.wait(30)

    def purge(self):
        return must(self.program, "purge", "--yes", "--state-dir", self.state, "--host-netns", self.namespace)

    def log_tail(self, lines):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:]) if self.log.exists() else ""

    def remove_all(self):
        """Whatever state things are in: nothing of this run stays. Never raises."""
        names = host.neighbours(self.namespace) if self.namespace in host.namespaces() else set()
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)
        if self.state.exists():
            run(self.program, "purge", "--yes", "--state-dir", self.state, "--host-netns", self.namespace)
        host.kill(host.processes(str(self.work)))
        time.sleep(0.2)
        # What a purge should have removed, should it be what failed.
        for name in names & host.namespaces():
            run("ip", "netns", "del", name)
        run("rm", "-rf", "--one-file-system", self.work)

    # -- the client -----------------------------------------------------------------------------------------------

    def _environment(self, cloud):
        clean = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
        # A proxy would catch requests to a cloud on this machine.
        return clean | {"OS_CLOUD": cloud, "OS_CLIENT_CONFIG_FILE": str(self.state / "clouds.yaml"), "no_proxy": "*",
                        "HOME": str(self.work)}

    def client(self, *words, cloud="maru-demo", deadline=180):
        """Runs the openstack client as a user would; returns it as it ended."""
        return run(self.venv / "bin/openstack", *words, env=self._environment(cloud), deadline=deadline)

    def openstack(self, *words, **options):
        """A command that must succeed and prints nothing worth reading."""
        done = self.client(*words, **options)
        if done.code != 0:
            raise Failed(f"this should have succeeded:\n{done}")
        return done.out

    def json(self, *words, **options):
        """A command that must succeed, its answer as a value."""
        text = self.openstack(*words, "-f", "json", **options)
        try:
            return json.loads(text)
        except ValueError as error:
            raise Failed(f"openstack {' '.join(map(str, words))} printed no JSON ({error}):\n{text}") from error

    def request(self, method, path, body=None, headers=None):
        """A bare request, for what the client of today does not ask for any more. Returns (status, headers, body)."""
        token = getattr(self, "_token", None)
        if token is None:
            token = self._token = self.openstack("token", "issue", "-f", "value", "-c", "id").strip()
        request = urllib.request.Request(
            self.url + path, method=method, data=None if body is None else json.dumps(body).encode(),
            headers={"X-Auth-Token": token, "Content-Type": "application/json", "Accept": "application/json", **(headers or {})})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.headers, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            raise Failed(f"{method} {path}: {error.code} {error.read().decode(errors='replace')}") from error
