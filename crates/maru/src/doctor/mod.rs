//! `maru doctor`: looks at the host and says what to mend, with the command that does it. It changes nothing.

mod drift;
mod host;
mod network;
mod traffic;

use model::reach::{Code, Owner};
use serde::Serialize;

use crate::Quiet;
use crate::output::{Mark, Output};
use crate::settings::Settings;

/// One thing that was looked at.
#[derive(Debug, Serialize)]
pub struct Check {
    /// Its name, the same in every language.
    pub name: &'static str,
    /// How it stands.
    pub result: Mark,
    /// What was found.
    pub found: String,
    /// What mends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// What that is called in the catalogue of causes (`docs/reach.md`), if it is in the way of packets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    /// Who can mend it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
}

impl Check {
    fn new(name: &'static str, result: Mark, found: String) -> Self {
        Self {
            name,
            result,
            found,
            fix: None,
            code: None,
            owner: None,
        }
    }

    /// Why packets are lost, by the catalogue. What is wrong with the host is its operator's.
    fn cause(self, code: Code) -> Self {
        Self {
            code: Some(code),
            owner: Some(Owner::Operator),
            ..self
        }
    }

    fn fix(self, fix: impl Into<String>) -> Self {
        Self {
            fix: Some(fix.into()),
            ..self
        }
    }
}

/// Looks at everything; fails when something that the cloud needs is missing.
pub async fn run(settings: &Settings, output: &Output) -> anyhow::Result<()> {
    let lang = output.lang;
    let mut checks = host::checks(settings, lang).await;
    checks.extend(network::checks(settings, lang));
    checks.extend(drift::checks(settings, lang).await);
    if output.json {
        output.data(&checks)?;
    } else {
        for check in &checks {
            output.marked(check.result, &check.found);
            if let Some(code) = check.code {
                output.note(format!("        {}", code.as_str()));
            }
            if let Some(fix) = &check.fix {
                output.line(format!("        {} {fix}", lang.mend_with()));
            }
        }
    }
    let failed = checks.iter().filter(|check| check.result == Mark::Fail).count();
    let warned = checks.iter().filter(|check| check.result == Mark::Warn).count();
    output.line("");
    output.line(lang.doctor_summary(checks.len(), warned, failed));
    if failed > 0 { Err(Quiet.into()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::Lang;

    /// Whatever the machine, each check says something, in both languages, and what fails says how to mend it.
    #[tokio::test]
    async fn every_check_answers_and_what_fails_can_be_mended() {
        let settings = Settings::read(None, |_| None, |_| None, &[]).unwrap();
        for lang in [Lang::En, Lang::Ko] {
            let mut checks = host::checks(&settings, lang).await;
            checks.extend(network::checks(&settings, lang));
            assert!(checks.len() >= 10);
            for check in checks {
                assert!(!check.found.is_empty(), "{check:?}");
                assert!(check.result != Mark::Fail || check.fix.is_some(), "{check:?}");
            }
        }
    }
}
