//! The Maru program: reads the command line and the settings, and runs one command.
//!
//! ```text
//!  cli (what can be typed) ─► settings (what holds) ─► one module a command ─► output (lines or JSON) ─► exit code
//! ```
//!
//! `up` wires the rooms together and is the cloud; the other commands look at it from outside: through its API over
//! loopback, its state directory, and the marks it leaves on the host. Exit codes: 0 good, 1 failed, 2 usage.

mod background;
mod backup;
mod cli;
mod client;
mod demo;
mod doctor;
mod down;
mod first_start;
mod host_network;
mod image;
mod lang;
mod leftovers;
mod log;
mod manual;
mod messages;
mod meter;
mod openrc;
mod output;
mod port;
mod purge;
mod reach;
mod reach_watch;
mod settings;
mod state_dir;
mod status;
mod tls;
mod up;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::ArgMatches;
use serde_json::json;

use crate::lang::Lang;
use crate::output::{Mark, Output};
use crate::settings::Settings;
use crate::state_dir::StateDir;

/// The command was called in a way that can't be meant.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct UsageError(pub String);

/// A failure of which everything was said already.
#[derive(Debug, thiserror::Error)]
#[error("failed")]
pub struct Quiet;

fn main() -> ExitCode {
    let lang = Lang::from_environment();
    let matches = cli::command(lang).get_matches();
    let Err(error) = run(&matches, lang) else {
        return ExitCode::SUCCESS;
    };
    let is_usage = error.is::<UsageError>() || error.is::<settings::SettingsError>();
    if !error.is::<Quiet>() {
        let output = Output::to_stderr(lang);
        output.marked(Mark::Fail, format!("{error:#}"));
    }
    ExitCode::from(if is_usage { 2 } else { 1 })
}

fn run(matches: &ArgMatches, lang: Lang) -> anyhow::Result<()> {
    let Some((command, matches)) = matches.subcommand() else {
        return Err(UsageError(lang.help_more()).into());
    };
    let output = Output::new(lang, is_set(matches, "json"));
    match command {
        "config" => output.raw(settings::commented_file(lang).trim_end()),
        "version" => version(&output)?,
        "completions" => {
            if let Some(shell) = matches.get_one::<clap_complete::Shell>("shell") {
                manual::completions(*shell, lang, &output);
            }
        }
        "man" => manual::pages(path(matches, "directory"), lang)?,
        _ => with_settings(command, matches, &output)?,
    }
    Ok(())
}

/// Commands about one cloud.
fn with_settings(command: &str, matches: &ArgMatches, output: &Output) -> anyhow::Result<()> {
    let defaults: &[(&str, &str)] = if command == "demo" { DEMO_DEFAULTS } else { &[] };
    let settings = read_settings(matches, defaults)?;
    let state = StateDir::new(&settings.state_dir);
    match command {
        "up" if is_set(matches, "background") => {
            block_on(background::start(&settings, background_arguments(matches), output))
        }
        "up" => up::run(&settings),
        "down" => down::run(&state, output),
        "purge" => {
            let request = purge::Request {
                yes: is_set(matches, "yes"),
                cloud_id: matches.get_one::<String>("cloud_id").cloned(),
            };
            purge::run(&settings, &request, output)
        }
        "status" => block_on(status::run(&state, is_set(matches, "leftovers"), output)),
        "doctor" => block_on(doctor::run(&settings, output)),
        "demo" => block_on(demo::run(&settings, output)),
        "openrc" => openrc::run(&state, text(matches, "user"), output),
        "backup" => backup::backup(&state, path(matches, "file"), output),
        "restore" => backup::restore(&state, path(matches, "file"), is_set(matches, "yes"), output),
        "reach" => block_on(async {
            let request = reach_request(matches);
            match watch_command(matches) {
                Some(command) => reach_watch::run(&state, &request, &command, output).await,
                None => reach::run(&state, &request, output).await,
            }
        }),
        "meter" => block_on(meter::list(&state, output)),
        "port" => port_command(&state, matches, output.lang),
        "image" => image_command(&state, matches, output.lang),
        _ => Err(UsageError(output.lang.help_more()).into()),
    }
}

/// The demonstration's cloud is one of its own, on a host of its own.
const DEMO_DEFAULTS: &[(&str, &str)] = &[("state_dir", "/var/lib/maru-demo"), ("host_netns", "maru-demo")];

fn reach_request(matches: &ArgMatches) -> reach::Request {
    let number = |name: &str| matches.get_one::<u16>(name).map(u16::to_string);
    let mut parameters = vec![
        ("from", text(matches, "from").to_owned()),
        ("which", text(matches, "which").to_owned()),
    ];
    parameters.push(("to", text(matches, "to").to_owned()));
    for (protocol, port) in [("tcp", number("tcp")), ("udp", number("udp"))] {
        if let Some(port) = port {
            parameters.extend([("protocol", protocol.to_owned()), ("port", port)]);
        }
    }
    if let Some(version) = matches.get_one::<String>("ip-version") {
        parameters.push(("ip_version", version.clone()));
    }
    reach::Request {
        user: text(matches, "user").to_owned(),
        parameters,
        matrix: is_set(matches, "matrix").then(|| text(matches, "to").to_owned()),
        fix: is_set(matches, "fix"),
        look: text(matches, "look") == "yes",
        probe: is_set(matches, "probe"),
    }
}

/// What is to be done with watched paths, if anything.
fn watch_command(matches: &ArgMatches) -> Option<reach_watch::Command> {
    use reach_watch::Command;
    let named = |name: &str| matches.get_one::<String>(name).cloned();
    match (is_set(matches, "watch"), is_set(matches, "list")) {
        (true, _) => Some(Command::Watch),
        (_, true) => Some(Command::List),
        _ => named("pin")
            .map(Command::Pin)
            .or_else(|| named("history").map(Command::History))
            .or_else(|| named("unpin").map(Command::Unpin)),
    }
}

fn port_command(state: &StateDir, matches: &ArgMatches, lang: Lang) -> anyhow::Result<()> {
    let Some((command, matches)) = matches.subcommand() else {
        return Err(UsageError(lang.help_more()).into());
    };
    let output = Output::new(lang, is_set(matches, "json"));
    let port = text(matches, "port");
    block_on(async {
        if command == "attach" {
            port::attach(state, port, text(matches, "netns"), text(matches, "ifname"), &output).await
        } else {
            port::detach(state, port, &output).await
        }
    })
}

fn image_command(state: &StateDir, matches: &ArgMatches, lang: Lang) -> anyhow::Result<()> {
    let Some((command, matches)) = matches.subcommand() else {
        return Err(UsageError(lang.help_more()).into());
    };
    let output = Output::new(lang, is_set(matches, "json"));
    block_on(async {
        if command == "create" {
            let (name, file) = (text(matches, "name"), path(matches, "file"));
            image::create(state, name, file, is_set(matches, "public"), &output).await
        } else {
            image::list(state, &output).await
        }
    })
}

fn read_settings(matches: &ArgMatches, defaults: &[(&str, &str)]) -> Result<Settings, settings::SettingsError> {
    let file = matches.try_get_one::<PathBuf>("config").ok().flatten();
    let variable = |name: &str| std::env::var(name).ok();
    Settings::read(
        file.map(PathBuf::as_path),
        |name| cli::given(matches, name),
        variable,
        defaults,
    )
}

/// The command line of `up` without `--background`, to be given to the process that is the cloud.
fn background_arguments(matches: &ArgMatches) -> Vec<String> {
    let config = matches.try_get_one::<PathBuf>("config").ok().flatten();
    let config = config.map(|path| ["--config".to_owned(), path.display().to_string()]);
    let keys = settings::KEYS.iter().filter_map(|key| {
        let value = cli::given(matches, key.name)?;
        Some([format!("--{}", key.option()), value])
    });
    config.into_iter().chain(keys).flatten().collect()
}

fn version(output: &Output) -> anyhow::Result<()> {
    let version = env!("CARGO_PKG_VERSION");
    if output.json {
        return output.data(&json!({"name": "maru", "version": version}));
    }
    output.line(format!("maru {version}"));
    Ok(())
}

fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(work)
}

fn is_set(matches: &ArgMatches, name: &str) -> bool {
    matches
        .try_get_one::<bool>(name)
        .ok()
        .flatten()
        .copied()
        .unwrap_or(false)
}

/// An option or argument that always has a value: it is required, or has a default.
fn text<'a>(matches: &'a ArgMatches, name: &str) -> &'a str {
    matches.get_one::<String>(name).map_or("", String::as_str)
}

/// As [`text`], of a file.
fn path<'a>(matches: &'a ArgMatches, name: &str) -> &'a Path {
    matches.get_one::<PathBuf>(name).map_or(Path::new(""), PathBuf::as_path)
}
