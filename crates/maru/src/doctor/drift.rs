//! A cloud that runs: is everything on the host as it was declared? Its own API looks.

use model::reach::{Code, Owner};
use serde::Deserialize;
use serde_json::Value;

use super::{Check, traffic};
use crate::client::Client;
use crate::lang::Lang;
use crate::output::Mark;
use crate::settings::Settings;
use crate::state_dir::StateDir;

const NAME: &str = "drift";

pub(super) async fn checks(settings: &Settings, lang: Lang) -> Vec<Check> {
    let state = StateDir::new(&settings.state_dir);
    // Without a cloud nothing is declared.
    let Ok(Some(_)) = state.running_pid() else {
        return Vec::new();
    };
    let asked = async {
        let client = Client::log_in(&state, "maru").await?;
        client.get("/maru/v1/drift").await
    };
    match asked.await {
        Ok(mut answer) => tell(&answer["drift"].take(), lang),
        Err(error) => vec![Check::new(
            NAME,
            Mark::Unknown,
            lang.drift_unknown(format!("{error:#}")),
        )],
    }
}

/// Each cause is a check of its own; none is one that is well.
fn tell(drift: &Value, lang: Lang) -> Vec<Check> {
    let list = |key: &str| drift[key].as_array().cloned().unwrap_or_default();
    let mut checks: Vec<Check> = list("causes").iter().map(|cause| of_cause(cause, lang)).collect();
    if checks.is_empty() {
        checks.push(Check::new(NAME, Mark::Ok, lang.drift_none()));
    }
    let unreadable: Vec<String> = list("unreadable")
        .iter()
        .filter_map(|text| text.as_str().map(str::to_owned))
        .collect();
    if !unreadable.is_empty() {
        let what = unreadable.join("; ");
        checks.push(Check::new(NAME, Mark::Unknown, lang.drift_unreadable(what)));
    }
    checks
}

fn of_cause(cause: &Value, lang: Lang) -> Check {
    let sentence = cause["message"][lang.pick("en", "ko")].as_str().unwrap_or_default();
    let evidence: Vec<&str> = cause["evidence"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let found = match evidence.split_first() {
        None => sentence.to_owned(),
        Some((first, [])) => format!("{sentence} ({first})"),
        Some((first, rest)) => format!("{sentence} ({})", lang.drift_and_more(first, rest.len())),
    };
    let code = Code::deserialize(&cause["code"]).ok();
    let commands: Vec<&str> = cause["fix"]["commands"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let fix = match commands.is_empty() {
        false => Some(commands.join("; ")),
        true => code.map(traffic::usual_fix).filter(|text| !text.is_empty()),
    };
    Check {
        fix,
        code,
        owner: Owner::deserialize(&cause["owner"]).ok(),
        ..Check::new(NAME, Mark::Fail, found)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_api_tells_is_a_check_of_its_own() {
        let drift = json!({
            "revision": 3,
            "causes": [{
                "code": "NS_FORWARD_OFF",
                "owner": "operator",
                "message": {"en": "Router “r” does not forward.", "ko": "전달하지 않습니다."},
                "evidence": ["qrouter-1: ip_forward: 0 instead of 1", "and another"],
                "fix": {"commands": ["sysctl -w a=1", "sysctl -w b=1"]},
            }],
            "unreadable": ["table: can't be read: no"],
        });
        let checks = tell(&drift, Lang::En);
        assert_eq!(checks.len(), 2);
        let first = serde_json::to_value(&checks[0]).unwrap();
        assert_eq!(first["name"], "drift");
        assert_eq!(
            (&first["code"], &first["owner"]),
            (&json!("NS_FORWARD_OFF"), &json!("operator"))
        );
        assert_eq!(first["fix"], "sysctl -w a=1; sysctl -w b=1");
        assert!(checks[0].found.contains("0 instead of 1") && checks[0].found.contains('1'));
        assert!(tell(&drift, Lang::Ko)[0].found.starts_with("전달하지 않습니다."));
        assert_eq!(checks[1].result, Mark::Unknown);
        let well = tell(&json!({"causes": [], "unreadable": []}), Lang::En);
        assert_eq!((well.len(), well[0].result), (1, Mark::Ok));
    }
}
