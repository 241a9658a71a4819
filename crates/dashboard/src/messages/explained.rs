//! Errors by the name that OpenStack's service has for them: what happened and what to do, more exactly than their kind says.

use super::Text;

/// One explanation for errors that mean the same to people.
struct Explained {
    /// As in [`model::Error::code`].
    codes: &'static [&'static str],
    /// What happened, in English and Korean.
    what: [&'static str; 2],
    /// What to do.
    action: [&'static str; 2],
}

/// `"Code" "Code" => "what happened", "in Korean" => "what to do", "in Korean";` makes a row.
macro_rules! explained {
    ($($($code:literal)+ => $what:literal, $what_ko:literal => $action:literal, $action_ko:literal;)*) => {
        const EXPLAINED: &[Explained] = &[$(Explained {
            codes: &[$($code),+],
            what: [$what, $what_ko],
            action: [$action, $action_ko],
        }),*];
    };
}

explained! {
    // Networks.
    "NetworkInUse" "ExternalNetworkInUse"
        => "Ports on this network are still in use.", "이 네트워크에 아직 사용 중인 포트가 있습니다."
        => "Delete its servers, remove its router interfaces and release its floating IPs first; the network's page lists the ports.", "먼저 서버를 삭제하고 라우터 인터페이스를 제거하고 유동 IP를 반환하세요. 네트워크 페이지에 포트 목록이 있습니다.";
    "SubnetInUse"
        => "Ports still have addresses of this subnet.", "이 서브넷의 주소를 쓰는 포트가 아직 있습니다."
        => "Delete those servers, or remove the router's interface on it; the network's page lists the ports.", "그 서버를 삭제하거나 라우터의 인터페이스를 제거하세요. 네트워크 페이지에 포트 목록이 있습니다.";
    "PortInUse" "ServicePortInUse" "PortBound"
        => "The port belongs to something that is using it.", "이 포트는 다른 것이 쓰고 있습니다."
        => "Detach it there: a server's interface, a router's interface, or a floating IP.", "서버나 라우터의 인터페이스, 유동 IP에서 먼저 연결을 해제하세요.";
    "IpAddressGenerationFailure"
        => "No free addresses are left.", "사용 가능한 주소가 없습니다."
        => "Widen the subnet's allocation pool, add a subnet, or delete ports and floating IPs that are not used.", "서브넷의 할당 풀을 넓히거나 서브넷을 추가하거나, 쓰지 않는 포트와 유동 IP를 삭제하세요.";
    "IpAddressAlreadyAllocated" "FixedIpAlreadyInUse" "MacAddressInUse"
        => "That address is taken.", "이미 쓰이고 있는 주소입니다."
        => "Choose another, or leave the field empty for a free one.", "다른 주소를 고르거나, 칸을 비워 남은 주소를 받으세요.";
    "InvalidIpForSubnet" "InvalidIpForNetwork"
        => "That address isn't in the subnet.", "서브넷에 들어 있지 않은 주소입니다."
        => "Use an address in the subnet's range.", "서브넷 범위 안의 주소를 쓰세요.";
    "GatewayConflictWithAllocationPools" "OverlappingAllocationPools"
        => "The allocation pools overlap each other or the gateway.", "할당 풀이 서로 또는 게이트웨이와 겹칩니다."
        => "Leave the gateway's address out of the pools, and the pools apart.", "게이트웨이 주소를 풀에서 빼고, 풀끼리 겹치지 않게 하세요.";
    "RouterInUse"
        => "The router still has interfaces.", "라우터에 인터페이스가 남아 있습니다."
        => "Remove its interfaces first; its page lists them.", "라우터 페이지의 목록에서 인터페이스를 먼저 제거하세요.";
    "RouterInterfaceInUseByFloatingIP" "RouterExternalGatewayInUseByFloatingIp"
        => "Floating IPs are using it.", "유동 IP가 사용하고 있습니다."
        => "Disassociate those floating IPs first.", "그 유동 IP의 연결을 먼저 해제하세요.";
    "RouterInterfaceInUseByRoute"
        => "A static route of the router uses it.", "라우터의 정적 경로가 사용하고 있습니다."
        => "Remove that route first.", "그 경로를 먼저 제거하세요.";
    "ExternalGatewayForFloatingIPNotFound"
        => "No router connects that server's subnet to the external network.", "그 서버의 서브넷을 외부 네트워크에 연결하는 라우터가 없습니다."
        => "Give a router a gateway on the external network and an interface on the subnet; the topology shows both.", "라우터에 외부 네트워크 게이트웨이와 그 서브넷의 인터페이스를 만드세요. 토폴로지에서 볼 수 있습니다.";
    "FloatingIPPortAlreadyAssociated" "PortHasBindingFloatingIP"
        => "That address has a floating IP already.", "그 주소에는 이미 유동 IP가 있습니다."
        => "Disassociate the other one first, or choose another server.", "기존 연결을 먼저 해제하거나 다른 서버를 고르세요.";
    "FipInUseByPortForwarding"
        => "The floating IP forwards single ports.", "이 유동 IP는 포트 포워딩에 쓰이고 있습니다."
        => "Delete its port forwardings first.", "포트 포워딩을 먼저 삭제하세요.";
    "ExternalNetworkAttachForbidden"
        => "Servers can't be attached to an external network.", "서버를 외부 네트워크에 직접 연결할 수 없습니다."
        => "Choose a network of your own, and give the server a floating IP.", "내 네트워크를 고르고 서버에 유동 IP를 연결하세요.";
    "SecurityGroupInUse"
        => "Servers are in this security group.", "이 보안 그룹을 쓰는 서버가 있습니다."
        => "Take its ports out first; its page lists them.", "보안 그룹 페이지의 목록에서 포트를 먼저 빼세요.";
    "SecurityGroupRuleExists" "DuplicateSecurityGroupRuleInPost"
        => "The group has this rule already.", "이 그룹에 이미 있는 규칙입니다."
        => "Nothing needs to be done.", "더 할 일이 없습니다.";
    "SecurityGroupCannotRemoveDefault" "SecurityGroupCannotUpdateDefault"
        => "The project's default security group can't be deleted or renamed.", "프로젝트의 기본 보안 그룹은 삭제하거나 이름을 바꿀 수 없습니다."
        => "Change its rules, or make a group of your own.", "규칙을 바꾸거나 새 보안 그룹을 만드세요.";
    "PortSecurityPortHasSecurityGroup"
        => "The port is in security groups, which need port security.", "포트에 보안 그룹이 있어 포트 보안을 끌 수 없습니다."
        => "Take it out of all groups in the same step.", "보안 그룹을 모두 빼고 함께 저장하세요.";
    "AddressPairAndPortSecurityRequired"
        => "Allowed address pairs need port security.", "허용된 주소 쌍은 포트 보안이 켜져 있어야 합니다."
        => "Turn port security on, or remove the addresses.", "포트 보안을 켜거나 허용된 주소 쌍을 삭제하세요.";
    "NetworkRequiresSubnet"
        => "The network has no subnet, so it has no addresses to give.", "서브넷이 없는 네트워크라 줄 주소가 없습니다."
        => "Add a subnet to it first.", "네트워크에 서브넷을 먼저 추가하세요.";
    "FlatNetworkInUse" "TunnelIdInUse"
        => "Another network has that segment.", "다른 네트워크가 쓰고 있는 세그먼트입니다."
        => "Choose another number or physical network.", "다른 번호나 물리 네트워크를 고르세요.";
    // Servers.
    "InstanceInvalidState" "InstanceNotReady" "InstanceNotRunning"
        => "The server's state does not allow this now.", "지금 서버 상태에서는 할 수 없습니다."
        => "Wait until it has settled, or start, stop or unpause it first: its menu shows what is possible.", "작업이 끝나기를 기다리거나 먼저 켜거나 끄세요. 서버 메뉴에 할 수 있는 작업이 나옵니다.";
    "InstanceIsLocked"
        => "The server is locked.", "잠긴 서버입니다."
        => "Unlock it first. Only an administrator can remove an administrator's lock.", "먼저 잠금을 푸세요. 관리자가 건 잠금은 관리자만 풀 수 있습니다.";
    "NoValidHost"
        => "No host can take this server.", "이 서버를 실행할 수 있는 호스트가 없습니다."
        => "Take a smaller flavor, or stop something; the original message says what is missing.", "더 작은 flavor를 고르거나 다른 것을 멈추세요. 모자란 것은 원문 메시지에 있습니다.";
    "TooManyInstances"
        => "The project's quota of servers, vCPUs or memory is used up.", "서버, vCPU 또는 메모리 쿼터가 모자랍니다."
        => "Take a smaller flavor, delete servers that are not used, or ask for a larger quota; the original message has the figures.", "더 작은 flavor를 고르거나 쓰지 않는 서버를 삭제하거나 쿼터를 늘려 달라고 하세요. 자세한 수치는 원문 메시지에 있습니다.";
    "FlavorDiskSmallerThanImage" "FlavorDiskSmallerThanMinDisk" "FlavorMemoryTooSmall" "VolumeSmallerThanMinDisk"
        => "The image doesn't fit.", "이미지가 들어가지 않습니다."
        => "Take a larger flavor or volume, or a smaller image.", "더 큰 flavor나 볼륨, 또는 더 작은 이미지를 고르세요.";
    "CannotResizeDisk"
        => "A disk can't become smaller.", "디스크는 작아질 수 없습니다."
        => "Take a flavor with a disk at least as large.", "디스크가 지금과 같거나 더 큰 flavor를 고르세요.";
    "KeyPairExists"
        => "You have a key pair of that name.", "같은 이름의 키 페어가 있습니다."
        => "Choose another name, or delete the old one.", "다른 이름을 쓰거나 있던 것을 삭제하세요.";
    "KeypairNotFound"
        => "That key pair doesn't exist (any more).", "그 키 페어는 없습니다."
        => "Choose another, or make a new one.", "다른 것을 고르거나 새로 만드세요.";
    "InvalidKeypair"
        => "The public key can't be read.", "공개 키를 읽을 수 없습니다."
        => "Give one line that begins with ssh-ed25519 or ssh-rsa, as in a file that ends in .pub.", ".pub 파일처럼 ssh-ed25519나 ssh-rsa로 시작하는 한 줄을 넣으세요.";
    "KeypairLimitExceeded"
        => "You have reached the limit of key pairs.", "키 페어를 더 만들 수 없습니다."
        => "Delete one that is not used.", "쓰지 않는 키 페어를 삭제하세요.";
    "ConsoleNotAvailable"
        => "The console isn't available right now.", "지금은 콘솔에 연결할 수 없습니다."
        => "Try again in a moment; a server that is shut off has none.", "잠시 뒤 다시 시도하세요. 꺼진 서버에는 콘솔이 없습니다.";
    // Images.
    "ImageUnacceptable"
        => "This image can't be used for that.", "이 이미지로는 할 수 없습니다."
        => "Choose another image, or fix this one as the original message says.", "다른 이미지를 고르거나 원문 메시지에 나온 대로 고치세요.";
    "StorageFull"
        => "The image store is full; nothing was kept.", "이미지 저장소가 가득 찼습니다. 저장된 것은 없습니다."
        => "Delete images that are not used, or ask the operator for more space.", "쓰지 않는 이미지를 삭제하거나 운영자에게 공간을 요청하세요.";
    "ImageSizeLimitExceeded"
        => "The image is larger than this cloud takes.", "이 클라우드가 받는 크기를 넘는 이미지입니다."
        => "Convert it to qcow2, or use a smaller one.", "qcow2로 바꾸거나 더 작은 이미지를 쓰세요.";
    "InvalidImageStatusTransition"
        => "The image is in the middle of something else.", "이미지에 다른 작업이 진행 중입니다."
        => "Wait until it has finished.", "끝난 뒤에 다시 시도하세요.";
    // Volumes.
    "InvalidVolume"
        => "The volume's state does not allow this now.", "지금 볼륨 상태에서는 할 수 없습니다."
        => "Detach it first, delete its snapshots, or wait until the running operation has finished.", "먼저 연결을 해제하거나 스냅샷을 삭제하거나, 진행 중인 작업이 끝나기를 기다리세요.";
    "InvalidSnapshot" "InvalidBackup"
        => "Its state does not allow this now.", "지금 상태에서는 할 수 없습니다."
        => "Wait until the running operation has finished; backups that others build upon go last.", "진행 중인 작업이 끝나기를 기다리세요. 다른 백업의 바탕이 된 백업은 나중에 지울 수 있습니다.";
    "VolumeSizeExceedsAvailableQuota" "VolumeLimitExceeded" "SnapshotLimitExceeded"
        => "The project's volume quota is used up.", "볼륨 쿼터가 모자랍니다."
        => "Delete volumes or snapshots that are not needed, or ask for a larger quota; the original message has the figures.", "필요 없는 볼륨이나 스냅샷을 삭제하거나 쿼터를 늘려 달라고 하세요. 자세한 수치는 원문 메시지에 있습니다.";
    "BackupLimitExceeded" "VolumeBackupSizeExceedsAvailableQuota"
        => "The project's backup quota is used up.", "백업 쿼터가 모자랍니다."
        => "Delete old backups, or ask for a larger quota.", "오래된 백업을 삭제하거나 쿼터를 늘려 달라고 하세요.";
    "VolumeTypeInUse"
        => "Volumes are of this type.", "이 유형의 볼륨이 있습니다."
        => "Delete or retype them first.", "그 볼륨을 삭제하거나 유형을 바꾸세요.";
    "VolumeTypeDefaultDeletionError"
        => "The default volume type can't be deleted.", "기본 볼륨 유형은 삭제할 수 없습니다."
        => "Delete another, or make another the default first.", "다른 유형을 기본으로 정한 뒤에 삭제하세요.";
    "VolumeTypeExists" "FlavorExists" "FlavorIdExists" "AggregateNameExists" "Duplicate"
        => "That name is already in use.", "같은 이름이 이미 있습니다."
        => "Choose another name.", "다른 이름을 쓰세요.";
    "DevicePathInUse"
        => "Another disk of the server has that device name.", "서버의 다른 디스크가 쓰는 장치 이름입니다."
        => "Leave the field empty: the next free one is taken.", "칸을 비우면 다음 이름이 쓰입니다.";
    // Everything.
    "OverQuota" "PortLimitExceeded"
        => "The project's network quota is used up.", "네트워크 쿼터가 모자랍니다."
        => "Delete what is no longer needed, or ask for a larger quota; the original message has the figures.", "필요 없는 것을 삭제하거나 쿼터를 늘려 달라고 하세요. 자세한 수치는 원문 메시지에 있습니다.";
    "RevisionNumberConstraintFailed"
        => "It was changed since you opened it.", "보는 동안 다른 사람이 바꾸었습니다."
        => "Reload the page and make the change again.", "페이지를 새로 고친 뒤 다시 변경하세요.";
}

impl Text {
    /// What an error means and what to do, if its code says more than its kind.
    pub(super) fn explained(self, code: &str) -> Option<(&'static str, &'static str)> {
        let found = EXPLAINED.iter().find(|explained| explained.codes.contains(&code))?;
        let [what, what_ko] = found.what;
        let [action, action_ko] = found.action;
        Some(self.pick((what, action), (what_ko, action_ko)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::EXPLAINED;

    fn sources(directory: &Path, text: &mut String) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, text);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                text.push_str(&fs::read_to_string(path).unwrap());
            }
        }
    }

    #[test]
    fn what_is_explained_is_an_error_of_this_cloud_and_explained_once() {
        let mut text = String::new();
        for part in ["model", "api", "control"] {
            sources(
                &Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(part).join("src"),
                &mut text,
            );
        }
        let mut seen = BTreeSet::new();
        for code in EXPLAINED.iter().flat_map(|explained| explained.codes) {
            assert!(seen.insert(code), "{code} is explained twice");
            assert!(
                text.contains(&format!("\"{code}\"")),
                "{code} is no error of this cloud"
            );
        }
    }
}
