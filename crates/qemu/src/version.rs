//! Which QEMU this is.

use std::path::Path;

use tokio::process::Command;

use crate::{Error, Result};

/// QEMU's version in libvirt's number: 7.2.0 is 7002000.
///
/// # Errors
/// [`Error::Spawn`] when the program cannot be run, [`Error::Unusable`] when it prints something else.
pub async fn version(program: &Path) -> Result<u64> {
    let output = Command::new(program)
        .arg("--version")
        .stdin(std::process::Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|source| Error::Spawn {
            program: program.display().to_string(),
            source,
        })?;
    parse(&String::from_utf8_lossy(&output.stdout)).ok_or(Error::Unusable {
        what: "QEMU's version",
        reason: "it is not a version number",
    })
}

/// `QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)`.
fn parse(text: &str) -> Option<u64> {
    let numbers = text.split_whitespace().skip_while(|word| *word != "version").nth(1)?;
    let mut numbers = numbers.split('.').map(str::parse::<u64>);
    let (major, minor) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    let micro = numbers.next().and_then(Result::ok).unwrap_or(0);
    Some(major * 1_000_000 + minor * 1000 + micro)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!(
            parse("QEMU emulator version 7.2.22 (Debian 1:7.2)\nCopyright"),
            Some(7_002_022)
        );
        assert_eq!(parse("QEMU emulator version 10.0"), Some(10_000_000));
        assert_eq!(parse("bash 5"), None);
    }

    #[tokio::test]
    async fn of_the_installed_one() {
        assert!(version(Path::new("qemu-system-x86_64")).await.unwrap() > 5_000_000);
    }
}
