//! Words of images.

use model::image::Visibility;

use super::{Text, messages};

// The list.
messages! {
    images_lead = "An image is a disk to start servers from: an operating system, ready to boot.", "이미지는 서버를 시작할 디스크입니다. 바로 부팅되는 운영체제가 들어 있습니다.";
    images_word = "images", "이미지";
    images_usable = "For you to use", "쓸 수 있는 것";
    images_of_project = "This project's", "이 프로젝트";
    images_shared = "Shared with you", "공유받음";
    images_public = "Public", "공개";
    images_empty = "No images here yet", "여기에는 아직 이미지가 없습니다";
    images_empty_text = "A server needs something to boot. Take a distribution's cloud image (qcow2), from your computer or by its address.", "서버에는 부팅할 것이 필요합니다. 배포판의 클라우드 이미지(qcow2)를 내 컴퓨터나 주소에서 가져오세요.";
    images_shared_empty = "When another project offers you an image, you accept or reject it here.", "다른 프로젝트가 이미지를 제안하면 여기에서 수락하거나 거절합니다.";
    images_public_empty = "An administrator can make images public: everybody may then start servers from them.", "관리자가 이미지를 공개하면 누구나 그것으로 서버를 시작할 수 있습니다.";
    images_offered(count) = "Another project offers you an image." | "Other projects offer you {count} images.", "다른 프로젝트가 이미지 {count}개를 제안했습니다.";
    images_offered_look = "Have a look", "살펴보기";
    image_new = "Add image", "이미지 추가";
    image_format = "Disk format", "디스크 형식";
    image_visibility = "Visibility", "공개 범위";
    image_owner = "Owner", "소유 프로젝트";
    image_size = "File size", "파일 크기";
    image_virtual_size = "Disk size in a server", "서버에서의 디스크 크기";
    image_protected = "protected", "보호됨";
    image_hidden = "hidden", "숨김";
}

// How it is.
messages! {
    image_being_copied = "being copied", "복사하는 중";
    image_import_failed = "Download failed", "내려받지 못함";
    image_queued = "waits for its file", "파일 대기 중";
    image_saving = "file is coming in", "파일을 받는 중";
    image_staged = "waits for its import", "가져오기를 기다림";
    image_importing = "being downloaded", "내려받는 중";
    image_importing_some(size) = "being downloaded, {size} so far", "내려받는 중, 지금까지 {size}";
    image_active = "ready", "사용 가능";
    image_deactivated = "locked", "잠김";
    image_killed = "refused", "거부됨";
    image_queued_note = "This image has no data yet: upload a file, or delete it.", "이 이미지에는 아직 데이터가 없습니다. 파일을 업로드하거나 삭제하세요.";
    image_import_as(format) = "Try again as {format}", "{format}(으)로 다시 시도";
    image_really(format) = "The file is really of format {format}: choose that under “More settings”.", "파일의 실제 형식은 {format}입니다. “추가 설정”에서 고르세요.";
    image_import_again = "Try again", "다시 시도";
}

// Making one.
messages! {
    image_source = "Where is the disk?", "디스크가 어디에 있나요?";
    image_from_file = "On this computer", "이 컴퓨터에";
    image_from_file_note = "Your browser sends the file.", "브라우저가 파일을 보냅니다.";
    image_from_url = "On the web", "웹에";
    image_from_url_note = "The cloud downloads it.", "클라우드가 내려받습니다.";
    image_name_hint = "Leave empty to use the file's name.", "비우면 파일 이름을 씁니다.";
    image_uri = "Address of the file", "파일의 주소";
    image_uri_hint = "The file itself, not the page around it; packed files (.xz, .gz) can't be taken.", "페이지가 아니라 파일 자체의 주소입니다. 압축 파일(.xz, .gz)은 받을 수 없습니다.";
    image_uri_missing = "Give the address of the file.", "파일의 주소를 입력하세요.";
    image_more = "More settings", "추가 설정";
    image_format_auto = "Detect automatically", "자동 감지";
    image_format_hint = "What the file really is gets checked in any case; choose only if it was taken for the wrong thing.", "파일의 실제 형식은 항상 확인합니다. 자동으로 알아낸 형식이 틀렸을 때만 고르세요.";
    image_min_disk = "Smallest disk (GB)", "최소 디스크(GB)";
    image_min_ram = "Smallest memory (MB)", "최소 메모리(MB)";
    image_min_hint = "Smaller flavors are then refused.", "이보다 작은 flavor는 거절됩니다.";
    image_needs_disk = "Disk", "디스크";
    image_needs_ram = "Memory", "메모리";
    image_min_any = "any", "제한 없음";
    image_os_distro = "Distribution", "배포판";
    image_os_distro_hint = "As in os-release: ubuntu, debian, rocky …", "os-release에 적힌 이름: ubuntu, debian, rocky …";
    image_os_user = "User to log in as", "로그인할 사용자";
    image_os_user_hint = "Servers from it then show the right ssh command.", "이 이미지의 서버에 맞는 ssh 명령을 보여 줍니다.";
    image_tags = "Tags", "태그";
    image_tags_hint = "Separated by commas.", "쉼표로 나눕니다.";
    image_properties = "Properties", "속성";
    image_properties_hint = "One per line: key=value. Those that begin with hw_ choose the virtual hardware.", "한 줄에 하나씩: 키=값. hw_로 시작하는 것은 가상 하드웨어를 정합니다.";
    image_create_it = "Add image", "이미지 추가";
    image_import_begun = "The download has begun", "내려받기를 시작했습니다";
    image_registered = "Image registered; its file is missing yet", "이미지를 등록했습니다. 파일은 아직 없습니다";
    image_give_data = "Upload file", "파일 업로드";
    image_give_data_to(name) = "Upload file for image “{name}”", "‘{name}’ 이미지의 파일 업로드";
}

// Sending a file.
messages! {
    upload_file = "Disk image", "디스크 이미지";
    upload_file_hint = "qcow2, raw, ISO, VMDK, VDI, VHD or VHDX, of any size; you can drop it here.", "qcow2, raw, ISO, VMDK, VDI, VHD, VHDX. 크기는 상관없고, 여기에 끌어 놓아도 됩니다.";
    upload_needs_script = "Without JavaScript a browser can't send a file so: use the command line below, or an address on the web.", "JavaScript 없이는 파일을 보낼 수 없습니다. 아래 명령줄이나 웹 주소를 쓰세요.";
    upload_choose = "Choose a file first.", "먼저 파일을 고르세요.";
    upload_found = "Found: {format}, {size}", "알아냄: {format}, {size}";
    upload_packed = "This file is packed: unpack it first (xz -d, gunzip, unzip), then choose what comes out.", "압축된 파일입니다. 먼저 풀고(xz -d, gunzip, unzip) 나온 파일을 고르세요.";
    upload_progress = "How much was sent", "보낸 양";
    upload_sending = "Leave this page open until it is done.", "끝날 때까지 이 페이지를 닫지 마세요.";
    upload_left = "{time} left", "{time} 남음";
    upload_checking = "Sent. The cloud looks into the file …", "다 보냈습니다. 클라우드가 파일을 살펴보고 있습니다 …";
    upload_broken = "The connection broke before all was sent. Check the network and try again.", "다 보내기 전에 연결이 끊겼습니다. 네트워크를 확인하고 다시 시도하세요.";
    upload_sure = "Stop sending the file?", "파일 보내기를 그만둘까요?";
    upload_cancelled = "Stopped; nothing was kept.", "그만두었습니다. 아무것도 남지 않았습니다.";
    upload_done(name) = "Image “{name}” is ready to use.", "‘{name}’ 이미지를 사용할 수 있습니다.";
    upload_sum_same = "The checksums match: the file arrived as your browser sent it.", "체크섬이 일치합니다. 보낸 그대로 도착했습니다.";
    upload_sum_differs = "What arrived is not what your browser read: delete the image and send it again.", "도착한 것이 보낸 것과 다릅니다. 이미지를 삭제하고 다시 보내세요.";
    upload_sum_by_hand = "To be sure, compare it with the file's own sum:", "확실히 하려면 파일의 체크섬과 비교하세요:";
    image_open = "Show the image", "이미지 보기";
    image_no_data = "This image has no data to download.", "이 이미지에는 내려받을 데이터가 없습니다.";
}

// What can be done to it.
messages! {
    image_launch = "Launch a server", "서버 만들기";
    image_to_volume = "Create volume from it", "이 이미지로 볼륨 만들기";
    image_edit(name) = "Edit image “{name}”", "‘{name}’ 이미지 편집";
    image_protect = "Protect from deletion", "삭제 방지";
    image_protect_hint = "It can't be deleted until this is taken back.", "해제하기 전에는 삭제할 수 없습니다.";
    image_protected_note = "This image is protected against deletion. Turn off the protection first.", "삭제되지 않도록 보호된 이미지입니다. 먼저 보호를 해제하세요.";
    image_hide = "Hide from lists", "목록에서 숨기기";
    image_hide_hint = "For old versions: anyone who knows its ID can still use it.", "옛 버전에 쓰세요. ID를 아는 사람은 계속 쓸 수 있습니다.";
    image_deactivate = "Lock its data", "데이터 잠그기";
    image_reactivate = "Unlock its data", "데이터 잠금 풀기";
    image_deactivated_done = "Nobody but administrators can use it now", "이제 관리자만 쓸 수 있습니다";
    image_reactivated_done = "It can be used again", "다시 쓸 수 있습니다";
    image_needs = "What a server needs", "서버에 필요한 것";
    image_sums = "Checksums", "체크섬";
    image_sums_hint = "Compare them with those that the publisher names:", "배포처가 알린 값과 비교하세요:";
    image_servers = "Servers made from it", "이 이미지로 만든 서버";
    image_servers_all = "All servers", "모든 서버";
}

// Sharing.
messages! {
    image_share = "Share", "공유";
    image_share_title(name) = "Share image “{name}”", "‘{name}’ 이미지 공유";
    image_share_text = "The other project sees the offer in its list, and accepts or rejects it. It can use the image, but not change it.", "상대 프로젝트가 목록에서 제안을 보고 수락하거나 거절합니다. 쓸 수는 있지만 바꿀 수는 없습니다.";
    image_share_needs(word) = "Only images that are “{word}” can be offered to single projects: edit its visibility first.", "“{word}” 이미지만 다른 프로젝트에 제안할 수 있습니다. 먼저 공개 범위를 바꾸세요.";
    image_share_other = "another one, by its ID", "다른 프로젝트(ID로)";
    image_share_id = "Project ID", "프로젝트 ID";
    image_share_id_hint = "Its people find it on their API access page. Not needed when a project is chosen above.", "상대방이 API 접근 페이지에서 볼 수 있습니다. 위에서 골랐으면 비워 두세요.";
    image_share_whom = "Choose a project, or give its ID.", "프로젝트를 고르거나 ID를 입력하세요.";
    image_shared_done = "Offered", "제안했습니다";
    image_unshare(name) = "Stop sharing with {name}", "{name} 프로젝트와 공유 중지";
    image_unshared_done = "No longer shared", "공유를 그만두었습니다";
    image_members = "Shared with", "공유 대상";
    image_members_none = "Not offered to any project yet.", "아직 어느 프로젝트에도 제안하지 않았습니다.";
    image_offered_at = "Offered", "제안한 때";
    image_offer = "An offer to this project", "이 프로젝트에 온 제안";
    image_offer_from = "It comes from project", "보낸 프로젝트:";
    image_offer_hint = "Once accepted, it stands in your lists. Accept only what you expect: who made it decides what runs in it.", "수락하면 목록에 나옵니다. 무엇이 실행될지는 만든 사람이 정하므로, 알고 있는 것만 수락하세요.";
    image_offer_pending = "open", "대기 중";
    image_offer_accepted = "accepted", "수락함";
    image_offer_rejected = "rejected", "거절함";
    image_accept = "Accept", "수락";
    image_reject = "Reject", "거절";
    image_accepted_done = "Accepted: it is in your lists now", "수락했습니다. 이제 목록에 나옵니다";
    image_rejected_done = "Rejected", "거절했습니다";
}

impl Text {
    /// Who may see an image, in a word.
    pub(crate) fn image_visibility_word(self, visibility: Visibility) -> &'static str {
        match visibility {
            Visibility::Public => self.pick("public", "공개"),
            Visibility::Community => self.pick("community", "커뮤니티"),
            Visibility::Shared => self.pick("shared", "공유"),
            Visibility::Private => self.pick("private", "비공개"),
        }
    }

    /// What that means.
    pub(crate) fn image_visibility_note(self, visibility: Visibility) -> &'static str {
        match visibility {
            Visibility::Public => self.pick("everybody, in their lists", "모든 프로젝트의 목록에 표시"),
            Visibility::Community => self.pick("everybody who knows its ID", "ID를 아는 누구나"),
            Visibility::Shared => self.pick(
                "this project and those you offer it to",
                "이 프로젝트와 제안받은 프로젝트",
            ),
            Visibility::Private => self.pick("this project", "이 프로젝트만"),
        }
    }

    /// Where a disk format comes from.
    pub(crate) fn image_format_note(self, format: &str) -> &'static str {
        match format {
            "qcow2" => self.pick("QEMU; most cloud images", "QEMU, 대부분의 클라우드 이미지"),
            "raw" => self.pick("a plain disk, byte by byte", "바이트 그대로의 디스크"),
            "iso" => self.pick("a CD or DVD, often an installer", "CD/DVD, 흔히 설치 디스크"),
            "vmdk" => "VMware",
            "vdi" => "VirtualBox",
            "vhd" => self.pick("Virtual PC, older Hyper-V", "Virtual PC, 옛 Hyper-V"),
            "vhdx" => "Hyper-V",
            "ami" => self.pick("a disk for direct boot", "직접 부팅용 디스크"),
            "ari" => self.pick("a ramdisk for direct boot", "직접 부팅용 램디스크"),
            "aki" => self.pick("a kernel for direct boot", "직접 부팅용 커널"),
            _ => "",
        }
    }
}
