//! `maru completions` and `maru man`: made from the command line's own description.

use std::fs;
use std::path::Path;

use anyhow::Context;
use clap::Command;

use crate::cli;
use crate::lang::Lang;
use crate::output::Output;

/// Prints a shell's completion script.
pub fn completions(shell: clap_complete::Shell, lang: Lang, output: &Output) {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut cli::command(lang), "maru", &mut script);
    output.raw(String::from_utf8_lossy(&script).trim_end());
}

/// Writes a manual page for each command into a directory.
pub fn pages(directory: &Path, lang: Lang) -> anyhow::Result<()> {
    fs::create_dir_all(directory).with_context(|| format!("{} can't be made", directory.display()))?;
    let mut command = cli::command(lang);
    command.build();
    write(&command, "maru", directory)
}

fn write(command: &Command, name: &str, directory: &Path) -> anyhow::Result<()> {
    let page = clap_mangen::Man::new(command.clone().name(name.to_owned()).display_name(name));
    let mut text = Vec::new();
    page.render(&mut text)?;
    let path = directory.join(format!("{name}.1"));
    fs::write(&path, text).with_context(|| format!("{} can't be written", path.display()))?;
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        write(sub, &format!("{name}-{}", sub.get_name()), directory)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_gets_its_page() {
        let dir = tempfile::tempdir().unwrap();
        pages(dir.path(), Lang::En).unwrap();
        for name in ["maru", "maru-up", "maru-port-attach", "maru-image-create"] {
            let text = fs::read_to_string(dir.path().join(format!("{name}.1"))).unwrap();
            assert!(text.contains(".TH") && text.contains("maru"), "{name}");
        }
    }
}
