"""A volume's life: made, snapshotted, backed up, restored, grown and copied while a running server has it; all of it removed."""

from walkthrough.shell import expect, until

from .life import Life
from .world import SETTLE

VOLUME, COMPUTE = "/volume/v3", "/compute/v2.1"


class VolumeLife(Life):
    """Volume, snapshot, backups, restore, clone, plug, grow, unplug; all of it removed again."""

    def steps(self):
        volumes, snapshots, backups = f"{VOLUME}/volumes", f"{VOLUME}/snapshots", f"{VOLUME}/backups"
        of_volume = lambda more: {"volume_id": self.ids["volume"], **more}
        return [
            ("create volume", lambda again: self._made("volume", volumes, "volume", {"size": 1}, again)),
            ("create snapshot", lambda again: self._made("snapshot", snapshots, "snapshot", of_volume({}), again)),
            ("create backup", lambda again: self._made("backup", backups, "backup", of_volume({}), again)),
            ("restore backup", self._restore),
            ("plug volume", self._plug),
            ("grow volume", self._grow),
            ("copy plugged volume", lambda again: self._made(
                "clone", volumes, "volume", {"source_volid": self.ids["volume"]}, again)),
            ("back plugged volume up", lambda again: self._made(
                "increment", backups, "backup", of_volume({"incremental": True, "force": True}), again)),
            ("unplug volume", self._unplug),
            ("delete increment", lambda again: self._gone("increment", backups, again)),
            ("delete backup", lambda again: self._gone("backup", backups, again)),
            ("delete clone", lambda again: self._gone("clone", volumes, again)),
            ("delete snapshot", lambda again: self._gone("snapshot", snapshots, again)),
            ("delete volume", lambda again: self._gone("volume", volumes, again)),
        ]

    def _volume(self):
        return self.api.ask("GET", f"{VOLUME}/volumes/{self.ids['volume']}")["volume"]

    def _until_volume(self, status):
        def reached():
            now = self._volume()["status"]
            expect(not now.startswith("error"), f"the volume is {now}")
            return now == status
        until(SETTLE, f"the volume to be {status}", reached)

    def _made(self, name, base, kind, body, again):
        path = f"{base}/{self.create(name, base, kind, body, again)}"

        def ready():
            status = self.api.ask("GET", path)[kind]["status"]
            expect(status != "error", f"{path} is in error")
            return status == "available"
        until(SETTLE, f"{path} to be available", ready)

    def _gone(self, name, base, again):
        path = f"{base}/{self.ids[name]}"
        if again and path not in self.gone and self._is_leaving(path):
            # It died between the commit and the answer; who asks once more meanwhile is refused, as by Cinder.
            self.leaves(name, path)
        else:
            self.delete(name, base, again)
        until(SETTLE, f"{path} to be gone", lambda: self.api.send("GET", path)[0] == 404)

    def _is_leaving(self, path):
        status, _, answer = self.api.send("GET", path)
        return status == 200 and any(thing["status"] == "deleting" for thing in answer.values())

    def check_ledger(self):
        # What is to go is gone once its host has freed the space.
        for path in self.gone:
            until(SETTLE, f"{path} to be gone", lambda path=path: self.api.send("GET", path)[0] == 404)
        super().check_ledger()

    def _restore(self, again):
        path = f"{VOLUME}/backups/{self.ids['backup']}"
        if again:
            self._until_volume("available")
        status, _, answer = self.api.send("POST", f"{path}/restore", {"restore": {"volume_id": self.ids["volume"]}})
        expect(status == 202, f"POST {path}/restore: {status} {answer}")
        self._until_volume("available")
        until(SETTLE, "the backup to be available", lambda: self.api.ask("GET", path)["backup"]["status"] == "available")

    def _plug(self, again):
        if not (again and self._volume()["status"] != "available"):
            self.api.ask("POST", f"{COMPUTE}/servers/{self.world.first}/os-volume_attachments",
                         {"volumeAttachment": {"volumeId": self.ids["volume"]}})
        self._until_volume("in-use")

    def _grow(self, again):
        if not (again and self._volume()["size"] == 2):
            status, _, answer = self.api.send(
                "POST", f"{VOLUME}/volumes/{self.ids['volume']}/action", {"os-extend": {"new_size": 2}},
                headers={"OpenStack-API-Version": "volume 3.42"})
            expect(status == 202, f"os-extend: {status} {answer}")
        self._until_volume("in-use")
        expect(self._volume()["size"] == 2, "the volume did not grow")

    def _unplug(self, again):
        path = f"{COMPUTE}/servers/{self.world.first}/os-volume_attachments/{self.ids['volume']}"
        if not (again and self._volume()["status"] in ("detaching", "available")):
            status, _, answer = self.api.send("DELETE", path)
            expect(status == 202, f"DELETE {path}: {status} {answer}")
        self._until_volume("available")
