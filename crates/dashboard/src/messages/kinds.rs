//! What kinds of things there are, in words: titles and sentences that name one or several of them, above all when they are
//! deleted. In Korean the kind stands behind the name, so that the particle follows a word whose sound is known.

use super::{Text, messages, particles};
use crate::lang::Lang;

/// A kind of thing that can be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Server,
    ServerGroup,
    KeyPair,
    Image,
    Volume,
    VolumeType,
    Snapshot,
    Backup,
    Network,
    Subnet,
    Port,
    Router,
    SecurityGroup,
    Rule,
    FloatingIp,
    Forwarding,
    Credential,
    Ec2,
    Flavor,
    Aggregate,
    Project,
    Domain,
    User,
    Group,
    Role,
}

/// One of it and several in English; the word and its counter in Korean.
type Words = (&'static str, &'static str, &'static str, &'static str);

impl Kind {
    fn words(self) -> Words {
        match self {
            Self::Server => ("server", "servers", "서버", "대"),
            Self::ServerGroup => ("server group", "server groups", "서버 그룹", "개"),
            Self::KeyPair => ("key pair", "key pairs", "키 페어", "개"),
            Self::Image => ("image", "images", "이미지", "개"),
            Self::Volume => ("volume", "volumes", "볼륨", "개"),
            Self::VolumeType => ("volume type", "volume types", "볼륨 유형", "개"),
            Self::Snapshot => ("snapshot", "snapshots", "스냅샷", "개"),
            Self::Backup => ("backup", "backups", "백업", "개"),
            Self::Network => ("network", "networks", "네트워크", "개"),
            Self::Subnet => ("subnet", "subnets", "서브넷", "개"),
            Self::Port => ("port", "ports", "포트", "개"),
            Self::Router => ("router", "routers", "라우터", "개"),
            Self::SecurityGroup => ("security group", "security groups", "보안 그룹", "개"),
            Self::Rule => ("rule", "rules", "규칙", "개"),
            Self::FloatingIp => ("floating IP", "floating IPs", "유동 IP", "개"),
            Self::Forwarding => ("port forwarding", "port forwardings", "포트 포워딩", "개"),
            Self::Credential => (
                "application credential",
                "application credentials",
                "애플리케이션 인증 정보",
                "개",
            ),
            Self::Ec2 => ("EC2 credential", "EC2 credentials", "EC2 인증 정보", "개"),
            Self::Flavor => ("flavor", "flavors", "flavor", "개"),
            Self::Aggregate => ("host aggregate", "host aggregates", "호스트 집합", "개"),
            Self::Project => ("project", "projects", "프로젝트", "개"),
            Self::Domain => ("domain", "domains", "도메인", "개"),
            Self::User => ("user", "users", "사용자", "명"),
            Self::Group => ("group", "groups", "그룹", "개"),
            Self::Role => ("role", "roles", "역할", "개"),
        }
    }

    /// What projects own, by the name of its table; `None` for what counts for nobody.
    pub fn of_table(table: &str) -> Option<Self> {
        Some(match table {
            "server" => Self::Server,
            "volume" => Self::Volume,
            "volume_snapshot" => Self::Snapshot,
            "volume_backup" => Self::Backup,
            "image" => Self::Image,
            "network" => Self::Network,
            "router" => Self::Router,
            "floating_ip" => Self::FloatingIp,
            "security_group" => Self::SecurityGroup,
            _ => return None,
        })
    }

    /// The page that lists it, below `/dashboard/`.
    pub fn list(self) -> &'static str {
        match self {
            Self::Server => "servers",
            Self::ServerGroup => "server-groups",
            Self::KeyPair => "key-pairs",
            Self::Image => "images",
            Self::Volume => "volumes",
            Self::VolumeType => "volumes/types",
            Self::Snapshot => "snapshots",
            Self::Backup => "backups",
            Self::Network | Self::Subnet | Self::Port => "networks",
            Self::Router => "routers",
            Self::SecurityGroup | Self::Rule => "security-groups",
            Self::FloatingIp | Self::Forwarding => "floating-ips",
            Self::Credential => "credentials",
            Self::Ec2 => "api-access",
            Self::Flavor => "admin/flavors",
            Self::Aggregate => "admin/host",
            Self::Project => "admin/projects",
            Self::Domain => "admin/projects/domains",
            Self::User => "admin/users",
            Self::Group => "admin/users/groups",
            Self::Role => "admin/roles",
        }
    }

    /// `openstack …` that deletes it.
    pub fn command(self) -> &'static str {
        match self {
            Self::Server => "server delete",
            Self::ServerGroup => "server group delete",
            Self::KeyPair => "keypair delete",
            Self::Image => "image delete",
            Self::Volume => "volume delete",
            Self::VolumeType => "volume type delete",
            Self::Snapshot => "volume snapshot delete",
            Self::Backup => "volume backup delete",
            Self::Network => "network delete",
            Self::Subnet => "subnet delete",
            Self::Port => "port delete",
            Self::Router => "router delete",
            Self::SecurityGroup => "security group delete",
            Self::Rule => "security group rule delete",
            Self::FloatingIp => "floating ip delete",
            Self::Forwarding => "floating ip port forwarding delete",
            Self::Credential => "application credential delete",
            Self::Ec2 => "ec2 credentials delete",
            Self::Flavor => "flavor delete",
            Self::Aggregate => "aggregate delete",
            Self::Project => "project delete",
            Self::Domain => "domain delete",
            Self::User => "user delete",
            Self::Group => "group delete",
            Self::Role => "role delete",
        }
    }
}

// What goes with it, and what stays.
messages! {
    goes_server = "Its root disk and the ports created with it are deleted, too. Attached volumes are kept, and floating IPs stay allocated to the project.", "루트 디스크와, 서버를 만들 때 생긴 포트도 함께 삭제됩니다. 연결된 볼륨은 남고, 유동 IP는 프로젝트에 할당된 채로 남습니다.";
    goes_server_others = "Its root disk and the ports created with it are deleted, too. Other attached volumes are kept, and floating IPs stay allocated to the project.", "루트 디스크와, 서버를 만들 때 생긴 포트도 함께 삭제됩니다. 연결된 다른 볼륨은 남고, 유동 IP는 프로젝트에 할당된 채로 남습니다.";
    goes_server_group = "Servers in it are kept; the placement policy no longer applies to them.", "그룹의 서버는 남으며, 배치 정책만 더 이상 적용되지 않습니다.";
    goes_key_pair = "Servers created with it keep the public key: you can still log in with the private key.", "이 키 페어로 만든 서버에는 공개 키가 남아 있어, 개인 키로 계속 로그인할 수 있습니다.";
    goes_image = "Servers and volumes created from it are kept. Rebuilding them from it is no longer possible.", "이 이미지로 만든 서버와 볼륨은 남습니다. 다만 이 이미지로 재구축할 수 없게 됩니다.";
    goes_volume = "All data on it is deleted. Backups of it are kept.", "볼륨의 데이터가 모두 삭제됩니다. 백업은 남습니다.";
    goes_volume_type = "Its limits and access list are deleted, too.", "제한과 접근 목록도 함께 삭제됩니다.";
    goes_snapshot = "Its volume, and volumes created from it, are kept.", "원본 볼륨과 이 스냅샷으로 만든 볼륨은 남습니다.";
    goes_backup = "Its volume, and volumes restored from it, are kept.", "원본 볼륨과 이 백업에서 복원한 볼륨은 남습니다.";
    goes_network = "Its subnets are deleted with it.", "서브넷도 함께 삭제됩니다.";
    goes_subnet = "Its network is kept.", "네트워크는 남습니다.";
    goes_port = "Its IP addresses become free, and a floating IP associated with it stays allocated.", "IP 주소는 반환되며, 연결된 유동 IP는 할당된 채로 남습니다.";
    goes_router = "Its networks are kept, but lose this way to other networks.", "네트워크는 남지만, 이 라우터를 거쳐 다른 네트워크와 통신할 수 없게 됩니다.";
    goes_security_group = "Its rules are deleted with it.", "규칙도 함께 삭제됩니다.";
    goes_rule = "Traffic that no other rule allows is then blocked.", "다른 규칙이 허용하지 않는 트래픽은 차단됩니다.";
    goes_floating_ip = "The address goes back to the pool, and others may get it. The server is kept.", "주소가 풀로 돌아가 다른 프로젝트가 할당받을 수 있습니다. 서버는 남습니다.";
    goes_forwarding = "Connections to these ports no longer reach the server. The floating IP is kept.", "이 포트로 들어오는 연결이 더 이상 서버에 전달되지 않습니다. 유동 IP는 남습니다.";
    goes_credential = "Programs that use it can no longer sign in.", "이 인증 정보를 쓰는 프로그램은 더 이상 로그인할 수 없습니다.";
    goes_flavor = "Servers with this flavor keep their size.", "이 flavor로 만든 서버는 그대로 유지됩니다.";
    goes_aggregate = "Its metadata and availability zone are deleted with it.", "메타데이터와 가용 구역 설정도 함께 삭제됩니다.";
    goes_project = "Role assignments in it are deleted. Servers, volumes and other resources are not: they are left behind without an owner.", "이 프로젝트에 부여된 역할이 삭제됩니다. 서버, 볼륨 같은 자원은 삭제되지 않고 소유자 없이 남습니다.";
    goes_domain = "All projects, users and groups in it are deleted with it. Their servers and volumes are left behind without an owner.", "도메인의 프로젝트, 사용자, 그룹이 모두 함께 삭제됩니다. 서버와 볼륨은 소유자 없이 남습니다.";
    goes_user = "Role assignments, key pairs and application credentials are deleted with the user. Servers are kept in their projects.", "부여된 역할, 키 페어, 애플리케이션 인증 정보가 함께 삭제됩니다. 서버는 프로젝트에 남습니다.";
    goes_group = "Its users are kept, but lose the roles that they have through it.", "사용자는 남지만 이 그룹을 통해 받은 역할을 잃습니다.";
    goes_role = "Everyone who was assigned this role loses it.", "이 역할을 부여받은 모두가 역할을 잃습니다.";
}

// What stands in the way, and the ways to it.
messages! {
    server_to_page = "Go to the server", "서버로 가기";
    router_to_page = "Go to the router", "라우터로 가기";
    network_to_ports = "Show its ports", "포트 보기";
    volume_to_attachments = "Go to its attachments", "연결 정보로 가기";
    router_interfaces_in_the_way(count) = "It has 1 interface. It must be removed, too." | "It has {count} interfaces. They must be removed, too.", "인터페이스 {count}개가 있습니다. 인터페이스도 함께 제거해야 합니다.";
    subnet_in_use(count) = "1 port has an address of this subnet. Delete it, or detach the subnet from its router, first." | "{count} ports have addresses of this subnet. Delete them, or detach the subnet from its router, first.", "이 서브넷의 주소를 쓰는 포트가 {count}개 있습니다. 먼저 포트를 삭제하거나 서브넷을 라우터에서 연결 해제하세요.";
    port_address_of(address, user) = "{address} of {user}", "{user}의 {address}";
    port_is_routers = "It belongs to a router. Remove the interface there.", "라우터의 포트입니다. 라우터에서 인터페이스를 제거하세요.";
    admin_domain_is_enabled = "An enabled domain can't be deleted. Disable it first.", "활성화된 도메인은 삭제할 수 없습니다. 먼저 비활성화하세요.";
    admin_domain_disable = "Edit domain", "도메인 편집";
    admin_role_delete_admin = "Without this role, nobody can administer the cloud any more.", "이 역할이 없으면 아무도 클라우드를 관리할 수 없습니다.";
    admin_project_leaves_nothing = "There are no servers, volumes or networks in it.", "서버, 볼륨, 네트워크가 없습니다.";
    admin_spec_removed(key) = "Extra spec “{key}” removed", "추가 사양 ‘{key}’ 제거됨";
}

// Deleting: frames around a kind.
messages! {
    confirm_by_name(name) = "Type “{name}” to confirm", "확인하려면 ‘{name}’을(를) 입력하세요";
    confirm_by_name_missing(name) = "Type the name “{name}” to confirm the deletion.", "삭제를 확인하려면 이름 ‘{name}’을(를) 입력하세요.";
    release = "Release", "반환";
}

impl Text {
    /// One of two texts with values; Korean particles follow what was put in.
    pub(crate) fn made(self, en: impl FnOnce() -> String, ko: impl FnOnce() -> String) -> String {
        match self.0 {
            Lang::En => en(),
            Lang::Ko => particles::pick(ko()),
        }
    }

    /// A kind and a name: `server “web1”`, `‘web1’ 서버`.
    pub(crate) fn kind_named(self, kind: Kind, name: &str) -> String {
        let (en, _, ko, _) = kind.words();
        self.made(|| format!("{en} “{name}”"), || format!("‘{name}’ {ko}"))
    }

    fn kind_counted(self, kind: Kind, count: usize) -> String {
        let (one, many, ko, counter) = kind.words();
        let en = if count == 1 { one } else { many };
        self.made(
            || format!("{count} {en}"),
            || format!("{} {count}{counter}", capital(ko)),
        )
    }

    /// What the deed is called: floating IPs are given back.
    pub(crate) fn delete_word(self, kind: Kind) -> &'static str {
        if kind == Kind::FloatingIp {
            self.release()
        } else {
            self.delete()
        }
    }

    /// "Delete server “web1”?"
    pub(crate) fn delete_title(self, kind: Kind, name: &str) -> String {
        let verb = self.delete_word(kind);
        let (en, _, ko, _) = kind.words();
        // What has no name stands below its title.
        if matches!(kind, Kind::Rule | Kind::Forwarding) {
            return self.made(
                || format!("{verb} this {en}?"),
                || format!("이 {ko}을(를) {verb}할까요?"),
            );
        }
        let named = self.kind_named(kind, name);
        self.made(|| format!("{verb} {named}?"), || format!("{named}을(를) {verb}할까요?"))
    }

    /// "Delete 2 servers?"
    pub(crate) fn delete_title_of_many(self, kind: Kind, count: usize) -> String {
        let (verb, counted) = (self.delete_word(kind), self.kind_counted(kind, count));
        self.made(
            || format!("{verb} {counted}?"),
            || format!("{counted}을(를) {verb}할까요?"),
        )
    }

    /// "Delete servers": without a choice.
    pub(crate) fn delete_none_title(self, kind: Kind) -> String {
        let (verb, (_, en, ko, _)) = (self.delete_word(kind), kind.words());
        self.made(|| format!("{verb} {en}"), || format!("{} {verb}", capital(ko)))
    }

    /// "No servers selected."
    pub(crate) fn none_selected(self, kind: Kind) -> String {
        let (_, en, ko, _) = kind.words();
        self.made(
            || format!("No {en} selected."),
            || format!("선택한 {ko}이(가) 없습니다."),
        )
    }

    /// "Back to servers".
    pub(crate) fn back_to_list(self, kind: Kind) -> String {
        let kind = match kind {
            Kind::Subnet | Kind::Port => Kind::Network,
            Kind::Rule => Kind::SecurityGroup,
            Kind::Forwarding => Kind::FloatingIp,
            kind => kind,
        };
        let (_, en, ko, _) = kind.words();
        self.made(|| format!("Back to {en}"), || format!("{} 목록으로", capital(ko)))
    }

    /// "Server “web1” deleted".
    pub(crate) fn deleted(self, kind: Kind, name: &str) -> String {
        let (verb, (en, _, ko, _)) = (self.delete_word(kind), kind.words());
        if matches!(kind, Kind::Rule | Kind::Forwarding) {
            return self.made(
                || format!("{} deleted", capital(en)),
                || format!("{ko}을(를) {verb}했습니다"),
            );
        }
        let named = self.kind_named(kind, name);
        self.made(
            || format!("{} {}d", capital(&named), verb.to_lowercase()),
            || format!("{named}을(를) {verb}했습니다"),
        )
    }

    /// "2 servers deleted".
    pub(crate) fn deleted_count(self, kind: Kind, count: usize) -> String {
        let (verb, counted) = (self.delete_word(kind), self.kind_counted(kind, count));
        self.made(
            || format!("{counted} {}d", verb.to_lowercase()),
            || format!("{counted}을(를) {verb}했습니다"),
        )
    }

    /// "2 floating IPs, 1 image": what there is of each kind; what there is none of is left out.
    pub(crate) fn kinds_counted(self, counts: impl IntoIterator<Item = (Kind, usize)>) -> String {
        let there = counts.into_iter().filter(|(_, count)| *count > 0);
        let words: Vec<_> = there.map(|(kind, count)| self.kind_counted(kind, count)).collect();
        words.join(", ")
    }

    /// What goes with so many, and what stays; `others`: some of it was told of already.
    pub(crate) fn what_goes(self, kind: Kind, count: usize, others: bool) -> &'static str {
        match (self.0, goes_with_several(kind, others)) {
            (Lang::En, Some(words)) if count > 1 => words,
            _ => self.what_goes_with_one(kind, others),
        }
    }

    fn what_goes_with_one(self, kind: Kind, others: bool) -> &'static str {
        match kind {
            Kind::Server if others => self.goes_server_others(),
            Kind::Server => self.goes_server(),
            Kind::ServerGroup => self.goes_server_group(),
            Kind::KeyPair => self.goes_key_pair(),
            Kind::Image => self.goes_image(),
            Kind::Volume => self.goes_volume(),
            Kind::VolumeType => self.goes_volume_type(),
            Kind::Snapshot => self.goes_snapshot(),
            Kind::Backup => self.goes_backup(),
            Kind::Network => self.goes_network(),
            Kind::Subnet => self.goes_subnet(),
            Kind::Port => self.goes_port(),
            Kind::Router => self.goes_router(),
            Kind::SecurityGroup => self.goes_security_group(),
            Kind::Rule => self.goes_rule(),
            Kind::FloatingIp => self.goes_floating_ip(),
            Kind::Forwarding => self.goes_forwarding(),
            Kind::Credential | Kind::Ec2 => self.goes_credential(),
            Kind::Flavor => self.goes_flavor(),
            Kind::Aggregate => self.goes_aggregate(),
            Kind::Project => self.goes_project(),
            Kind::Domain => self.goes_domain(),
            Kind::User => self.goes_user(),
            Kind::Group => self.goes_group(),
            Kind::Role => self.goes_role(),
        }
    }
}

/// In English, where the sentence about one of a kind says nothing about several. Korean says both alike.
fn goes_with_several(kind: Kind, others: bool) -> Option<&'static str> {
    Some(match kind {
        Kind::Server if others => {
            "Their root disks and the ports created with them are deleted, too. Other attached volumes are kept, and floating IPs stay allocated to the project."
        }
        Kind::Server => {
            "Their root disks and the ports created with them are deleted, too. Attached volumes are kept, and floating IPs stay allocated to the project."
        }
        Kind::ServerGroup => "Servers in them are kept; the placement policies no longer apply to them.",
        Kind::KeyPair => "Servers created with them keep the public keys: you can still log in with the private keys.",
        Kind::Image => {
            "Servers and volumes created from them are kept. Rebuilding them from these images is no longer possible."
        }
        Kind::Volume => "All data on them is deleted. Backups of them are kept.",
        Kind::VolumeType => "Their limits and access lists are deleted, too.",
        Kind::Snapshot => "Their volumes, and volumes created from them, are kept.",
        Kind::Backup => "Their volumes, and volumes restored from them, are kept.",
        Kind::Network => "Their subnets are deleted with them.",
        Kind::Subnet => "Their networks are kept.",
        Kind::Port => "Their IP addresses become free, and floating IPs associated with them stay allocated.",
        Kind::SecurityGroup => "Their rules are deleted with them.",
        Kind::FloatingIp => "The addresses go back to their pools, and others may get them. The servers are kept.",
        Kind::Forwarding => "Connections to these ports no longer reach the servers. The floating IP is kept.",
        Kind::Credential | Kind::Ec2 => "Programs that use them can no longer sign in.",
        Kind::Flavor => "Servers with these flavors keep their size.",
        Kind::Aggregate => "Their metadata and availability zones are deleted with them.",
        Kind::Project => {
            "Role assignments in them are deleted. Servers, volumes and other resources are not: they are left behind without an owner."
        }
        Kind::Domain => {
            "All projects, users and groups in them are deleted with them. Their servers and volumes are left behind without an owner."
        }
        Kind::User => {
            "Role assignments, key pairs and application credentials are deleted with the users. Servers are kept in their projects."
        }
        Kind::Group => "Their users are kept, but lose the roles that they have through these groups.",
        Kind::Role => "Everyone who was assigned these roles loses them.",
        Kind::Rule | Kind::Router => return None,
    })
}

/// With a capital letter in front.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().collect::<String>() + letters.as_str()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_name_the_kind_and_quote_the_name() {
        let (en, ko) = (Text(Lang::En), Text(Lang::Ko));
        assert_eq!(
            en.delete_title(Kind::SecurityGroup, "default"),
            "Delete security group “default”?"
        );
        assert_eq!(
            ko.delete_title(Kind::SecurityGroup, "default"),
            "‘default’ 보안 그룹을 삭제할까요?"
        );
        assert_eq!(en.delete_title_of_many(Kind::Server, 2), "Delete 2 servers?");
        assert_eq!(ko.delete_title_of_many(Kind::Server, 2), "서버 2대를 삭제할까요?");
        assert_eq!(ko.delete_title(Kind::Flavor, "m1"), "‘m1’ flavor를 삭제할까요?");
        assert_eq!(ko.delete_title_of_many(Kind::Flavor, 2), "Flavor 2개를 삭제할까요?");
        assert_eq!(
            ko.delete_title(Kind::FloatingIp, "172.24.4.4"),
            "‘172.24.4.4’ 유동 IP를 반환할까요?"
        );
        assert_eq!(en.delete_title(Kind::Rule, "SSH"), "Delete this rule?");
        assert_eq!(ko.delete_title(Kind::Rule, "SSH"), "이 규칙을 삭제할까요?");
        assert_eq!(en.none_selected(Kind::Server), "No servers selected.");
        assert_eq!(ko.none_selected(Kind::Image), "선택한 이미지가 없습니다.");
        assert_eq!(
            en.deleted(Kind::FloatingIp, "1.2.3.4"),
            "Floating IP “1.2.3.4” released"
        );
        assert_eq!(ko.deleted(Kind::User, "kim"), "‘kim’ 사용자를 삭제했습니다");
        assert_eq!(
            en.kinds_counted([(Kind::FloatingIp, 2), (Kind::Server, 0), (Kind::Image, 1)]),
            "2 floating IPs, 1 image"
        );
        assert_eq!(
            ko.kinds_counted([(Kind::FloatingIp, 2), (Kind::Server, 3), (Kind::User, 0)]),
            "유동 IP 2개, 서버 3대"
        );
        assert_eq!(ko.deleted_count(Kind::User, 3), "사용자 3명을 삭제했습니다");
        assert!(en.what_goes(Kind::Server, 1, false).starts_with("Its root disk "));
        assert!(en.what_goes(Kind::Server, 2, false).starts_with("Their root disks "));
        assert!(en.what_goes(Kind::Server, 2, true).contains("Other attached volumes"));
        assert_eq!(ko.what_goes(Kind::Server, 2, true), ko.what_goes(Kind::Server, 1, true));
    }
}
