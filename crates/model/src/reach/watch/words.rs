//! Who did what, in a sentence of each language.

use serde_json::Value;

use super::deed::{Action, Deed, RowChange};
use super::row::Reason;
use crate::reach::words::Text;

/// Who did it, as the reader may know it.
pub(super) enum Who<'a> {
    /// A user, by name.
    User(&'a str),
    /// An administrator, whose name is not the reader's business.
    Administrator,
    /// Somebody of another project.
    OtherProject,
    /// The host.
    Host,
    /// The cloud itself.
    Cloud,
}

/// That an end of a path is gone.
pub(super) fn gone(code: &str, name: &str) -> Text {
    let (en, ko) = match code {
        "TARGET_GONE" => ("The target", "대상"),
        _ => ("The place it is asked from", "출발지"),
    };
    Text {
        en: format!("{en} “{name}” is no more there."),
        ko: format!("{ko} ‘{name}’ 항목이 더는 없습니다."),
    }
}

/// A change in a sentence; `is_seen` says of which rows the reader may know more than the kind.
pub(super) fn deed(who: &Who<'_>, deed: &Deed, is_seen: impl Fn(&RowChange) -> bool) -> Text {
    let Some(first) = deed.rows.first() else {
        return Text {
            en: format!("{} changed the cloud.", who_en(who)),
            ko: format!("{} 클라우드를 변경했습니다.", who_ko(who)),
        };
    };
    let others = deed.rows.len() as u64 - 1 + deed.more;
    let seen = is_seen(first);
    let (kind_en, kind_ko) = kind(&first.kind);
    let en_name = match seen {
        true => format!("{kind_en} “{}”{}", first.name, difference(first)),
        false => format!("another project's {kind_en}"),
    };
    // The particle follows the kind, a word that is known.
    let ko_name = match seen {
        true => format!("‘{}’{} {kind_ko}", first.name, difference(first)),
        false => format!("다른 프로젝트의 {kind_ko}"),
    };
    let (en_more, ko_more) = match others {
        0 => (String::new(), String::new()),
        count => (format!(" (and {count} more)"), format!("(외 {count}개)")),
    };
    let object = object_particle(kind_ko);
    let (verb_en, verb_ko) = match (who, first.action) {
        (Who::Host, _) => ("reported a change of", "변경을 보고했습니다"),
        (_, Action::Created) => ("created", "만들었습니다"),
        (_, Action::Changed) => ("changed", "변경했습니다"),
        (_, Action::Deleted) => ("deleted", "삭제했습니다"),
    };
    let ko_object = match who {
        Who::Host => "의",
        _ => object,
    };
    Text {
        en: format!("{} {verb_en} {en_name}{en_more}.", who_en(who)),
        ko: format!("{} {ko_name}{ko_more}{ko_object} {verb_ko}.", who_ko(who)),
    }
}

/// Why, where no single change is known.
pub(super) fn vague(reason: &Reason) -> Option<Text> {
    match reason {
        Reason::Change(_) => None,
        Reason::OneOf { candidates, more } => {
            let count = candidates.len() as u64 + more;
            Some(Text {
                en: format!("One or more of {count} changes that came at once."),
                ko: format!("한꺼번에 일어난 변경 {count}개 가운데 하나 이상이 원인입니다."),
            })
        }
        Reason::Unseen => Some(Text {
            en: "It changed while nobody watched: Maru did not run, or had just been started.".to_owned(),
            ko: "지켜보지 않는 동안 바뀌었습니다. Maru가 실행되지 않았거나 막 시작된 때입니다.".to_owned(),
        }),
    }
}

fn who_en(who: &Who<'_>) -> String {
    match who {
        Who::User(name) => format!("User “{name}”"),
        Who::Administrator => "An administrator of the cloud".to_owned(),
        Who::OtherProject => "A user of another project".to_owned(),
        Who::Host => "The host".to_owned(),
        Who::Cloud => "The cloud itself".to_owned(),
    }
}

fn who_ko(who: &Who<'_>) -> String {
    match who {
        Who::User(name) => format!("‘{name}’ 사용자가"),
        Who::Administrator => "클라우드 관리자가".to_owned(),
        Who::OtherProject => "다른 프로젝트의 사용자가".to_owned(),
        Who::Host => "호스트가".to_owned(),
        Who::Cloud => "클라우드가 스스로".to_owned(),
    }
}

/// ` (admin_state_up: true → false)`: of a change, the first thing that became different.
fn difference(row: &RowChange) -> String {
    let field = row.fields.first().filter(|_| row.action == Action::Changed);
    field.map_or_else(String::new, |field| {
        format!(" ({}: {} → {})", field.name, short(&field.before), short(&field.after))
    })
}

fn short(value: &Value) -> String {
    let text = match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match text.chars().count() > 60 {
        true => format!("{}…", text.chars().take(59).collect::<String>()),
        false => text,
    }
}

/// A kind of row in both languages.
fn kind(kind: &str) -> (&'static str, &'static str) {
    match kind {
        "server" => ("server", "서버"),
        "port" => ("port", "포트"),
        "network" => ("network", "네트워크"),
        "subnet" => ("subnet", "서브넷"),
        "router" => ("router", "라우터"),
        "floating_ip" => ("floating IP", "유동 IP"),
        "port_forwarding" => ("port forwarding", "포트 포워딩"),
        "security_group" => ("security group", "보안 그룹"),
        "security_group_rule" => ("security group rule", "보안 그룹 규칙"),
        "address_group" => ("address group", "주소 그룹"),
        "address_scope" => ("address scope", "주소 범위"),
        "subnet_pool" => ("subnet pool", "서브넷 풀"),
        "rbac_policy" => ("RBAC policy", "RBAC 정책"),
        "ndp_proxy" => ("NDP proxy", "NDP 프록시"),
        "trunk" => ("trunk", "트렁크"),
        "segment" => ("segment", "세그먼트"),
        _ => ("network agent", "네트워크 에이전트"),
    }
}

/// 을 or 를: whether the last syllable ends in a consonant (the syllables of Hangul stand in an order that tells).
fn object_particle(word: &str) -> &'static str {
    let last = word.chars().next_back().map_or(0, u32::from);
    match last.checked_sub(0xac00) {
        Some(place) if place < 11_172 && place % 28 != 0 => "을",
        _ => "를",
    }
}
