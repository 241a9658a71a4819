//! Words of volumes, snapshots and backups.

use model::volume::{AttachmentStatus, BackupStatus, SnapshotStatus, VolumeStatus};

use super::{Text, messages};

// The list, and one of them.
messages! {
    volumes_lead = "A volume is a disk of its own: it outlives servers, and moves from one to another.", "볼륨은 독립된 디스크입니다. 서버가 없어져도 남고, 다른 서버로 옮길 수 있습니다.";
    volumes_word = "volumes", "볼륨";
    volumes_empty = "No volumes yet", "아직 볼륨이 없습니다";
    volumes_empty_text = "Keep data on a volume, attach it to a server, and take it to another server when that one is gone.", "볼륨에 데이터를 두고 서버에 연결하세요. 그 서버가 없어져도 다른 서버에 연결할 수 있습니다.";
    volume_one = "Volume", "볼륨";
    volume_new = "Create volume", "볼륨 만들기";
    volume_made(name) = "Volume “{name}” is being created", "‘{name}’ 볼륨을 만들고 있습니다";
    volume_edit(name) = "Edit volume “{name}”", "‘{name}’ 볼륨 편집";
    snapshot_edit(name) = "Edit snapshot “{name}”", "‘{name}’ 스냅샷 편집";
    backup_edit(name) = "Edit backup “{name}”", "‘{name}’ 백업 편집";
    volume_type_edit(name) = "Edit volume type “{name}”", "‘{name}’ 볼륨 유형 편집";
    volume_attached_to = "Attached to", "연결된 서버";
    volume_not_attached = "Not attached to any server.", "연결된 서버가 없습니다.";
    volume_as_device = "as", "장치";
    volume_type = "Type", "유형";
    volume_type_default = "default", "기본";
    volume_type_default_name = "The default type can't be renamed.", "기본 유형의 이름은 바꿀 수 없습니다.";
    volume_bootable = "bootable", "부팅 가능";
    volume_read_only = "read-only", "읽기 전용";
    volume_multiattach = "for several servers", "여러 서버용";
    volume_zone = "Availability zone", "가용 구역";
    volume_source = "Source", "원본";
    volume_metadata = "Metadata", "메타데이터";
    volume_metadata_hint = "One per line: key=value", "한 줄에 하나씩: 키=값";
    volume_metadata_wrong(line) = "“{line}” is not of the form key=value.", "‘{line}’은(는) 키=값 형식이 아닙니다.";
    volume_image_metadata = "From its image", "이미지에서 온 정보";
    volume_image_others = "Other properties", "그 밖의 속성";
    volume_least_disk = "Minimum disk", "최소 디스크";
    volume_least_memory = "Minimum memory", "최소 메모리";
    volume_server = "Server", "서버";
    volume_device = "Device", "장치";
    volume_is_root = "root disk", "루트 디스크";
    volume_is_gone = "(deleted)", "(삭제됨)";
    volume_goes_with_server(answer) = "Deleted with the server: {answer}", "서버와 함께 삭제: {answer}";
    volume_host_file = "File", "파일";
    volume_host_file_kind = "Kind", "종류";
    volume_host_file_sparse = "sparse raw file", "희소(sparse) raw 파일";
    volume_host_files = "Files on the host", "호스트의 파일";
}

// Images, volumes and copies of them, for administrators.
messages! {
    storage_of_project = "This project", "이 프로젝트";
    storage_of_all = "All projects", "모든 프로젝트";
}

// Making one.
messages! {
    volume_name_hint = "A name to find it by in lists.", "목록에서 찾을 이름입니다.";
    volume_name_missing = "Give it a name.", "이름을 입력하세요.";
    volume_size = "Size (GB)", "크기(GB)";
    volume_size_hint = "It can grow later, but never shrink.", "나중에 늘릴 수는 있지만 줄일 수는 없습니다.";
    volume_size_missing = "Give a size in GB.", "크기를 GB로 입력하세요.";
    volume_from_blank = "Empty", "빈 볼륨";
    volume_from_blank_note = "a new disk, to be formatted in the server", "서버에서 포맷할 새 디스크입니다.";
    volume_from_image = "Image", "이미지";
    volume_from_image_note = "bootable, like the image", "이미지처럼 부팅됩니다.";
    volume_from_snapshot = "Snapshot", "스냅샷";
    volume_from_snapshot_note = "a volume as it was at that time", "특정 시점의 볼륨 사본입니다.";
    volume_from_volume = "An existing volume", "기존 볼륨";
    volume_from_volume_note = "a copy of it as it is now", "지금 상태의 사본입니다.";
    volume_from_backup = "Backup", "백업";
    volume_from_backup_note = "from a backup", "백업에서 복원합니다.";
    volume_from_none = "None yet.", "아직 없습니다.";
    volume_source_missing = "Choose a source.", "원본을 고르세요.";
    volume_type_hint = "Kinds of volumes that the operator offers.", "운영자가 제공하는 볼륨의 종류입니다.";
    volume_type_usual = "the usual one (of its source, or the default)", "기본(원본의 유형이나 기본 유형)";
    volume_more = "More settings", "추가 설정";
    volume_from_size(size) = "needs {size} or more", "최소 볼륨 크기 {size}";
    volume_too_small(size) = "Too small: the source needs at least {size}.", "너무 작습니다. 원본에 맞추려면 {size} 이상이어야 합니다.";
    volume_too_many = "The project's volume quota is used up: delete one, or ask for more.", "프로젝트의 볼륨 쿼터를 모두 썼습니다. 볼륨을 삭제하거나 쿼터를 늘려 달라고 요청하세요.";
    volume_no_room(size) = "The project's quota has room for {size} only.", "프로젝트의 쿼터에는 {size}만 남았습니다.";
    volume_too_large(size) = "A single volume may have {size} at most.", "볼륨 하나는 최대 {size}입니다.";
    volume_fits = "Fits into the quota.", "쿼터 안에 들어갑니다.";
}

// Attaching and detaching.
messages! {
    volume_attach = "Attach to a server", "서버에 연결";
    volume_attach_title(name) = "Attach volume “{name}”", "‘{name}’ 볼륨 연결";
    volume_attach_hint = "The server sees a new disk at once; a running one needs no restart.", "서버에 바로 새 디스크가 보입니다. 다시 시작하지 않아도 됩니다.";
    volume_attaching = "The volume is being attached", "볼륨을 연결하고 있습니다";
    volume_no_server = "No server can take it now: launch one, or wait until one is ready.", "지금 연결할 수 있는 서버가 없습니다. 서버를 만들거나 준비될 때까지 기다리세요.";
    volume_server_missing = "Choose a server.", "서버를 고르세요.";
    volume_has_it = "has it already", "이미 연결됨";
    volume_server_locked = "is locked", "잠겨 있음";
    volume_server_busy = "is busy", "작업 중";
    volume_server_unfit = "can't in its state", "지금 상태로는 불가";
    volume_with_server = "Delete the volume together with the server", "서버를 삭제할 때 볼륨도 삭제";
    volume_keep = "Keep the volume when the server is deleted", "서버를 삭제해도 볼륨 남기기";
    volume_with_server_hint = "If off, the volume and its data stay when the server is deleted.", "끄면 서버를 삭제해도 볼륨과 데이터가 남습니다.";
    volume_device_hint = "Leave empty to use the next free one. Guests may name it differently.", "비우면 다음 빈 이름입니다. 서버 안에서는 다르게 보일 수 있습니다.";
    volume_detach = "Detach", "연결 해제";
    volume_detach_title(name, server) = "Detach volume “{name}” from server “{server}”", "‘{server}’ 서버에서 ‘{name}’ 볼륨 연결 해제";
    volume_detach_first = "Unmount it inside the server first, or data not yet written may be lost.", "먼저 서버 안에서 마운트를 해제하세요. 그러지 않으면 아직 쓰지 않은 데이터를 잃을 수 있습니다.";
    volume_detaching = "The volume is being detached", "볼륨의 연결을 해제하고 있습니다";
}

// Changing one.
messages! {
    volume_extend = "Extend", "확장";
    volume_extend_title(name) = "Extend volume “{name}”", "‘{name}’ 볼륨 확장";
    volume_extend_now(size) = "It has {size} now.", "지금 크기는 {size}입니다.";
    volume_extend_in_use = "It is attached: the server sees the new size at once, and its file system has to be grown in there (growpart, resize2fs).", "연결된 볼륨입니다. 서버에 새 크기가 바로 보이며, 파일 시스템은 서버 안에서 늘려야 합니다(growpart, resize2fs).";
    volume_extend_to = "New size (GB)", "새 크기(GB)";
    volume_extend_hint = "This can't be undone: volumes never shrink.", "되돌릴 수 없습니다. 볼륨은 줄일 수 없습니다.";
    volume_only_grows(size) = "It has {size} already, and can only grow.", "이미 {size}이며, 늘리기만 할 수 있습니다.";
    volume_extended = "The volume is growing", "볼륨을 확장하고 있습니다";
    volume_retype = "Change type", "유형 변경";
    volume_retype_title(name) = "Change the type of volume “{name}”", "‘{name}’ 볼륨의 유형 변경";
    volume_retype_now(name) = "Its type is {name} now.", "지금 유형은 {name}입니다.";
    volume_retype_to = "New type", "새 유형";
    volume_retype_hint = "The data stays where it is; limits of the new type hold from now on.", "데이터는 그대로 있고, 이제부터 새 유형의 제한을 따릅니다.";
    volume_retype_none = "There is no other type that you may use.", "쓸 수 있는 다른 유형이 없습니다.";
    volume_retyped = "Type changed", "유형을 바꾸었습니다";
    volume_set_bootable = "Mark as bootable", "부팅 가능으로 표시";
    volume_unset_bootable = "Mark as not bootable", "부팅 불가로 표시";
    volume_set_read_only = "Make read-only", "읽기 전용으로 바꾸기";
    volume_unset_read_only = "Make writable", "쓸 수 있게 바꾸기";
    volume_clone = "Copy into a new volume", "새 볼륨으로 복사";
    volume_force_delete_snapshots(count) = "It has a snapshot. Delete it first." | "It has {count} snapshots. Delete them first.", "스냅샷 {count}개가 있습니다. 먼저 스냅샷을 삭제하세요.";
    volume_delete_with(count) = "It has 1 snapshot. It must be deleted, too." | "It has {count} snapshots. They must be deleted, too.", "스냅샷 {count}개가 있습니다. 스냅샷도 함께 삭제해야 합니다.";
    volume_delete_snapshots = "Also delete its snapshots", "스냅샷도 함께 삭제";
    volume_delete_snapshots_hint = "A volume with snapshots can't be deleted without them.", "스냅샷이 있는 볼륨은 스냅샷과 함께 삭제해야 합니다.";
    volume_in_use_copy = "A server is using it: the copy is crash-consistent (as after a power cut). For a clean one, shut the server off or unmount the volume first.", "서버가 사용 중이라 갑자기 전원이 꺼졌을 때와 같은 상태(crash-consistent)로 복사됩니다. 깨끗한 사본이 필요하면 서버를 끄거나 먼저 마운트를 해제하세요.";
    volume_missing = "Choose a volume.", "볼륨을 고르세요.";
    volume_reset = "Reset state", "상태 재설정";
    volume_reset_title(name) = "Reset the state of volume “{name}”", "‘{name}’ 볼륨의 상태 재설정";
    snapshot_reset_title(name) = "Reset the state of snapshot “{name}”", "‘{name}’ 스냅샷의 상태 재설정";
    backup_reset_title(name) = "Reset the state of backup “{name}”", "‘{name}’ 백업의 상태 재설정";
    volume_reset_text = "Changes only the recorded state; nothing happens on the host. Use it when the state no longer changes by itself.", "기록된 상태만 바꿉니다. 호스트에서는 아무 일도 일어나지 않습니다. 상태가 더 이상 바뀌지 않을 때 쓰세요.";
    volume_force_delete = "Force delete…", "강제 삭제…";
    volume_force_delete_title(name) = "Force delete volume “{name}”?", "‘{name}’ 볼륨을 강제로 삭제할까요?";
    volume_force_delete_do = "Force delete", "강제 삭제";
    volume_delete_attached(servers) = "It is attached to {servers}. Detach it first.", "{servers} 서버에 연결되어 있습니다. 먼저 연결을 해제하세요.";
    volume_force_delete_text = "Deletes the volume whatever its state. All its data is destroyed. This can't be undone.", "상태와 관계없이 볼륨을 삭제합니다. 데이터가 모두 사라집니다. 되돌릴 수 없습니다.";
}

// Images and other projects.
messages! {
    volume_to_image = "Create image", "이미지 만들기";
    volume_to_image_title(name) = "Create image from volume “{name}”", "‘{name}’ 볼륨으로 이미지 만들기";
    volume_to_image_text = "New servers can then be started from what is on it now.", "지금 내용으로 새 서버를 시작할 수 있게 됩니다.";
    volume_to_image_begun = "The volume is being copied into an image", "볼륨을 이미지로 복사하고 있습니다";
    volume_image_name = "Name of the image", "이미지 이름";
    volume_image_format_hint = "qcow2 takes no space for what is empty.", "qcow2는 빈 곳에 공간을 쓰지 않습니다.";
    volume_reimage = "Overwrite from an image", "이미지로 덮어쓰기";
    volume_reimage_title(name) = "Overwrite volume “{name}” from an image?", "‘{name}’ 볼륨을 이미지로 덮어쓸까요?";
    volume_reimaging = "The volume is being overwritten from the image", "볼륨을 이미지로 덮어쓰고 있습니다";
    volume_transfer = "Transfer to another project", "다른 프로젝트로 양도";
    volume_transfer_title(name) = "Offer volume “{name}” to another project", "‘{name}’ 볼륨의 양도 제안 만들기";
    volume_transfer_do = "Create transfer offer", "양도 제안 만들기";
    volume_transfer_made(name) = "Transfer offer for volume “{name}”", "‘{name}’ 볼륨의 양도 제안";
    volume_transfer_text = "You get an ID and a key. Whoever has both can take the volume, with its snapshots, into their project; until then you can take the offer back.", "ID와 키를 받습니다. 둘을 아는 사람이 볼륨을 스냅샷과 함께 자기 프로젝트로 가져갈 수 있습니다. 그 전까지는 취소할 수 있습니다.";
    volume_transfer_name = "Offer name", "제안 이름";
    volume_transfer_once = "The key is shown this once, and kept nowhere: copy it now.", "키는 지금 한 번만 보입니다. 어디에도 남지 않으니 지금 복사하세요.";
    volume_transfer_next = "Send both to the other project. They enter them at Volumes → Accept volume transfer, or type:", "둘 다 상대 프로젝트에 보내세요. 상대는 볼륨 → 볼륨 양도 수락에 입력하거나 다음을 실행합니다:";
    volume_transfer_kept = "I saved it, close", "저장했으니 닫기";
    volume_offered = "Offered to another project", "다른 프로젝트에 제안함";
    volume_offered_text = "Nothing can be done to it until the offer is accepted or taken back.", "제안이 수락되거나 취소될 때까지 다른 작업을 할 수 없습니다.";
    volume_offer_id = "Offer ID", "제안 ID";
    volume_offer_key = "Key", "키";
    volume_offer_missing = "Give the ID of the offer.", "제안 ID를 입력하세요.";
    volume_take_back = "Take the offer back", "제안 취소";
    volume_taken_back = "The offer is taken back", "제안을 취소했습니다";
    volume_accept = "Accept volume transfer", "볼륨 양도 수락";
    volume_accept_text = "Another project gave you an ID and a key: the volume becomes this project's, and counts in its quota.", "다른 프로젝트에서 받은 ID와 키를 입력하세요. 볼륨이 이 프로젝트의 것이 되고 쿼터에 들어갑니다.";
    volume_accepted = "The volume is yours now", "볼륨을 받았습니다";
}

// Types.
messages! {
    volume_types = "Volume types", "볼륨 유형";
    volume_types_word = "volume types", "볼륨 유형";
    volume_types_lead = "Kinds of volumes to choose from: who may use them, and how fast they are.", "고를 수 있는 볼륨의 종류입니다. 누가 쓸 수 있고 얼마나 빠른지 정합니다.";
    volume_types_forbidden = "Volume types are made by administrators.", "볼륨 유형은 관리자가 만듭니다.";
    volume_type_new = "Create volume type", "볼륨 유형 만들기";
    volume_type_access = "Who may use it", "사용할 수 있는 프로젝트";
    volume_type_public = "every project", "모든 프로젝트";
    volume_type_private = "chosen projects", "선택한 프로젝트";
    volume_type_projects = "Projects", "프로젝트";
    volume_type_nobody = "nobody yet", "아직 없음";
    volume_type_multiattach = "Several servers may have a volume of it at once", "볼륨 하나를 여러 서버에 동시에 연결 허용";
    volume_type_multiattach_hint = "Only for file systems made for it, such as GFS2 or OCFS2: others are destroyed by that.", "GFS2, OCFS2처럼 그렇게 만들어진 파일 시스템에만 쓰세요. 다른 파일 시스템은 손상됩니다.";
    volume_type_limits = "Limits", "제한";
    volume_type_limits_hint = "One per line: total_iops_sec, read_iops_sec, write_iops_sec, total_bytes_sec … = a number per second; with _per_gb behind, for each GB.", "한 줄에 하나씩 적습니다: total_iops_sec, read_iops_sec, write_iops_sec, total_bytes_sec … = 초당 값. 뒤에 _per_gb를 붙이면 GB당 값이 됩니다.";
    volume_type_limits_shared(count) = "{count} types share these limits: a change is a change of all.", "유형 {count}개가 이 제한을 함께 씁니다. 바꾸면 모두 바뀝니다.";
    volume_type_specs = "Extra specs", "추가 사양";
    volume_type_specs_hint = "One per line: key=value. What no host offers makes volumes of this type fail.", "한 줄에 하나씩: 키=값. 호스트가 제공하지 않는 것을 쓰면 볼륨을 만들지 못합니다.";
    volume_type_in_use(count) = "1 volume has this type. Change its type or delete it first." | "{count} volumes have this type. Change their type or delete them first.", "볼륨 {count}개가 이 유형입니다. 먼저 유형을 바꾸거나 볼륨을 삭제하세요.";
}

// Snapshots.
messages! {
    snapshots_lead = "A snapshot is a volume as it was at one moment; new volumes can be created from it.", "스냅샷은 특정 시점의 볼륨 사본입니다. 스냅샷으로 새 볼륨을 만들 수 있습니다.";
    snapshots_word = "snapshots", "스냅샷";
    snapshots_empty = "No snapshots yet", "아직 스냅샷이 없습니다";
    snapshots_empty_text = "Take one before you change something that may go wrong: it is the way back.", "잘못될 수 있는 일을 하기 전에 하나 만들어 두면 되돌아갈 수 있습니다.";
    snapshots_none = "None yet. Take one before a risky change.", "아직 없습니다. 위험한 작업 전에 만들어 두세요.";
    snapshot_new = "Create snapshot", "스냅샷 만들기";
    snapshot_text = "The volume as it is now stays, whatever is written to it afterwards.", "이후에 무엇을 쓰든 지금 상태가 남습니다.";
    snapshot_begun = "The snapshot is being created", "스냅샷을 만들고 있습니다";
    snapshot_no_volume = "There is no volume that could be copied now: create one first.", "지금 복사할 수 있는 볼륨이 없습니다. 먼저 볼륨을 만드세요.";
    snapshot_to_volume = "Create volume from it", "이 스냅샷으로 볼륨 만들기";
}

// Backups.
messages! {
    backups_lead = "A backup is a copy of a volume in a file of its own: it stays when the volume is deleted.", "백업은 볼륨을 따로 복사해 둔 파일입니다. 볼륨을 삭제해도 남습니다.";
    backups_word = "backups", "백업";
    backups_empty = "No backups yet", "아직 백업이 없습니다";
    backups_empty_text = "Back up volumes that you can't do without. After the first, incremental ones only hold what has changed.", "잃으면 안 되는 볼륨을 백업하세요. 첫 백업 뒤에는 바뀐 것만 담는 증분 백업을 쓸 수 있습니다.";
    backups_none = "None yet.", "아직 없습니다.";
    backup_new = "Create backup", "백업 만들기";
    backup_text = "Everything on the volume is copied. Empty parts take no space.", "볼륨의 모든 내용을 복사합니다. 빈 곳은 공간을 차지하지 않습니다.";
    backup_begun = "The backup is being created", "백업을 만들고 있습니다";
    backup_from_snapshot = "As it was in the snapshot", "스냅샷 시점";
    backup_incremental = "Only what has changed since the last backup", "마지막 백업 뒤에 바뀐 것만";
    backup_incremental_hint = "Smaller and faster; needs an earlier backup of this volume; that backup then can't be deleted alone.", "작고 빠릅니다. 이 볼륨의 이전 백업이 있어야 하고, 그 백업만 따로 삭제할 수 없게 됩니다.";
    backup_is_incremental = "incremental", "증분 백업";
    backup_is_full = "full", "전체 백업";
    backup_has_dependents = "Newer incremental backups depend on this one. Delete them first.", "이 백업에 의존하는 증분 백업이 있습니다. 먼저 그 백업을 삭제하세요.";
    backup_restore = "Restore", "복원";
    backup_restore_title(name) = "Restore backup “{name}”", "‘{name}’ 백업 복원";
    backup_to = "Into", "복원할 곳";
    backup_to_new = "A new volume", "새 볼륨";
    backup_to_new_note = "other volumes stay as they are", "다른 볼륨은 그대로입니다.";
    backup_to_old = "An existing volume", "기존 볼륨";
    backup_to_old_note = "its data is overwritten", "지금 내용을 덮어씁니다.";
    backup_to_none = "No volume is free and large enough.", "연결되지 않았고 크기가 충분한 볼륨이 없습니다.";
    backup_overwrites = "Everything on this volume is overwritten. This can't be undone.", "이 볼륨의 모든 내용을 덮어씁니다. 되돌릴 수 없습니다.";
    backup_restoring = "The backup is being restored", "백업을 복원하고 있습니다";
}

impl Text {
    /// A volume's status in words.
    pub(crate) fn volume_status(self, status: VolumeStatus) -> &'static str {
        match status {
            VolumeStatus::Creating => self.pick("being created", "만드는 중"),
            VolumeStatus::Available => self.pick("available", "사용 가능"),
            VolumeStatus::Reserved => self.pick("reserved", "예약됨"),
            VolumeStatus::Attaching => self.pick("being attached", "연결하는 중"),
            VolumeStatus::InUse => self.pick("in use", "사용 중"),
            VolumeStatus::Detaching => self.pick("being detached", "연결 해제하는 중"),
            VolumeStatus::Extending => self.pick("growing", "확장하는 중"),
            VolumeStatus::Uploading => self.pick("being copied into an image", "이미지로 복사하는 중"),
            VolumeStatus::Downloading => self.pick("being filled from an image", "이미지로 채우는 중"),
            VolumeStatus::BackingUp => self.pick("being backed up", "백업하는 중"),
            VolumeStatus::RestoringBackup => self.pick("being restored", "복원하는 중"),
            VolumeStatus::AwaitingTransfer => self.pick("offered to another project", "다른 프로젝트에 제안함"),
            VolumeStatus::Retyping => self.pick("changing its type", "유형 바꾸는 중"),
            VolumeStatus::Maintenance => self.pick("in maintenance", "유지 보수 중"),
            VolumeStatus::Deleting => self.pick("being deleted", "삭제하는 중"),
            VolumeStatus::Error => self.pick("error", "오류"),
            VolumeStatus::ErrorDeleting => self.pick("could not be deleted", "삭제하지 못함"),
            VolumeStatus::ErrorExtending => self.pick("could not grow", "확장하지 못함"),
            VolumeStatus::ErrorRestoring => self.pick("could not be restored", "복원하지 못함"),
        }
    }

    /// An attachment's status in words.
    pub(crate) fn attachment_status(self, status: AttachmentStatus) -> &'static str {
        match status {
            AttachmentStatus::Reserved => self.pick("reserved", "예약됨"),
            AttachmentStatus::Attaching => self.pick("being attached", "연결하는 중"),
            AttachmentStatus::Attached => self.pick("attached", "연결됨"),
            AttachmentStatus::Detaching => self.pick("being detached", "연결 해제하는 중"),
        }
    }

    /// A snapshot's status in words.
    pub(crate) fn snapshot_status(self, status: SnapshotStatus) -> &'static str {
        match status {
            SnapshotStatus::Creating => self.pick("being taken", "만드는 중"),
            SnapshotStatus::Available => self.pick("available", "사용 가능"),
            SnapshotStatus::Deleting => self.pick("being deleted", "삭제하는 중"),
            SnapshotStatus::Error => self.pick("error", "오류"),
            SnapshotStatus::ErrorDeleting => self.pick("could not be deleted", "삭제하지 못함"),
        }
    }

    /// A backup's status in words.
    pub(crate) fn backup_status(self, status: BackupStatus) -> &'static str {
        match status {
            BackupStatus::Creating => self.pick("being made", "만드는 중"),
            BackupStatus::Available => self.pick("available", "사용 가능"),
            BackupStatus::Restoring => self.pick("being restored", "복원하는 중"),
            BackupStatus::Deleting => self.pick("being deleted", "삭제하는 중"),
            BackupStatus::Error => self.pick("error", "오류"),
            BackupStatus::ErrorDeleting => self.pick("could not be deleted", "삭제하지 못함"),
        }
    }

    /// A quota of volumes by the name of its resource.
    pub(crate) fn volume_quota_name(self, resource: &str) -> &'static str {
        match resource {
            "volumes" => self.nav_volumes(),
            "snapshots" => self.nav_snapshots(),
            "backups" => self.nav_backups(),
            "backup_gigabytes" => self.pick("Backup storage", "백업 용량"),
            _ => self.pick("Volume storage", "볼륨 용량"),
        }
    }
}
