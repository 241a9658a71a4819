//! The command line: subcommands, options, help with an example for each, in the user's language.

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint, value_parser};

use crate::lang::Lang;
use crate::settings::{KEYS, Key};

/// The whole command line.
pub fn command(lang: Lang) -> Command {
    let root = Command::new("maru")
        .version(env!("CARGO_PKG_VERSION"))
        .about(lang.about_maru())
        .after_help(lang.help_more())
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .arg(
            Arg::new("config")
                .long("config")
                .global(true)
                .value_name("FILE")
                .value_parser(value_parser!(std::path::PathBuf))
                .value_hint(ValueHint::FilePath)
                .help(format!("{} [MARU_CONFIG]", lang.help_config())),
        )
        .arg(key_arg("state_dir", lang).global(true));
    let root = running(root, lang);
    let root = data(root, lang);
    localize(root, lang)
}

/// Running and removing a cloud.
fn running(root: Command, lang: Lang) -> Command {
    root.subcommand(with_keys(
        sub("up", lang.about_up(), UP_EXAMPLE, lang).arg(flag("background", lang.help_background())),
        KEYS.iter().filter(|key| key.name != "state_dir").map(|key| key.name),
        lang,
    ))
    .subcommand(sub("down", lang.about_down(), "  maru down", lang))
    .subcommand(with_keys(
        sub("purge", lang.about_purge(), PURGE_EXAMPLE, lang)
            .arg(flag("yes", lang.help_yes()).short('y'))
            .arg(
                Arg::new("cloud_id")
                    .long("cloud-id")
                    .value_name("ID")
                    .help(lang.help_cloud_id()),
            ),
        ["host_netns"],
        lang,
    ))
    .subcommand(
        sub("status", lang.about_status(), STATUS_EXAMPLE, lang)
            .arg(flag("leftovers", lang.help_leftovers()))
            .arg(json(lang)),
    )
    .subcommand(with_keys(
        sub("doctor", lang.about_doctor(), DOCTOR_EXAMPLE, lang).arg(json(lang)),
        [
            "listen",
            "host_netns",
            "provider_cidr",
            "provider_cidr6",
            "provider_mtu",
        ],
        lang,
    ))
    .subcommand(with_keys(
        sub("demo", lang.about_demo(), DEMO_EXAMPLE, lang),
        ["listen", "host_netns", "image", "acceleration", "log"],
        lang,
    ))
}

/// What is in the cloud.
fn data(root: Command, lang: Lang) -> Command {
    root.subcommand(
        sub("openrc", lang.about_openrc(), OPENRC_EXAMPLE, lang).arg(
            Arg::new("user")
                .value_parser(PossibleValuesParser::new(["admin", "demo"]))
                .default_value("admin")
                .help(lang.help_openrc_user()),
        ),
    )
    .subcommand(
        sub(
            "backup",
            lang.about_backup(),
            "  maru backup /root/maru-backup.db",
            lang,
        )
        .arg(path("file", lang.help_backup_file()))
        .arg(json(lang)),
    )
    .subcommand(
        sub("restore", lang.about_restore(), RESTORE_EXAMPLE, lang)
            .arg(path("file", lang.help_backup_file()))
            .arg(flag("yes", lang.help_yes()).short('y')),
    )
    .subcommand(port(lang))
    .subcommand(image(lang))
    .subcommand(reach(lang))
    .subcommand(sub("meter", lang.about_meter(), "  sudo maru meter", lang).arg(json(lang)))
    .subcommand(sub(
        "config",
        lang.about_config(),
        "  maru config > /etc/maru/maru.toml",
        lang,
    ))
    .subcommand(sub("version", lang.about_version(), "  maru version --json", lang).arg(json(lang)))
    .subcommand(
        sub("completions", lang.about_completions(), COMPLETIONS_EXAMPLE, lang).arg(
            Arg::new("shell")
                .required(true)
                .value_parser(value_parser!(clap_complete::Shell))
                .help(lang.help_shell()),
        ),
    )
    .subcommand(
        sub("man", lang.about_man(), "  maru man /usr/local/share/man/man1", lang)
            .arg(path("directory", lang.help_man_directory()).value_hint(ValueHint::DirPath)),
    )
}

fn reach(lang: Lang) -> Command {
    let option =
        |name: &'static str, value: &'static str, help: String| Arg::new(name).long(name).value_name(value).help(help);
    let number = |name, help| option(name, "PORT", help).value_parser(value_parser!(u16).range(1..));
    sub("reach", lang.about_reach(), REACH_EXAMPLE, lang)
        .arg(option("to", "TARGET", lang.help_reach_to()).required_unless_present_any(["list", "history", "unpin"]))
        .arg(option("from", "PLACE", lang.help_reach_from()).default_value("outside"))
        .arg(number("tcp", lang.help_reach_tcp()).conflicts_with("udp"))
        .arg(number("udp", lang.help_reach_udp()))
        .arg(
            option("which", "WHICH", lang.help_reach_which())
                .value_parser(PossibleValuesParser::new(["usual", "fixed", "floating"]))
                .default_value("usual"),
        )
        .arg(
            option("ip-version", "VERSION", lang.help_reach_version())
                .value_parser(PossibleValuesParser::new(["4", "6"])),
        )
        .arg(
            option("look", "WHETHER", lang.help_reach_look())
                .num_args(0..=1)
                .require_equals(true)
                .default_missing_value("yes")
                .value_parser(PossibleValuesParser::new(["yes", "no"]))
                .default_value("yes"),
        )
        .arg(flag("probe", lang.help_reach_probe()))
        .arg(flag("matrix", lang.help_reach_matrix()).conflicts_with_all(["tcp", "udp", "fix", "probe"]))
        .arg(flag("fix", lang.help_reach_fix()))
        .arg(flag("watch", lang.help_reach_watch()).conflicts_with_all(["matrix", "fix"]))
        .arg(option("pin", "NAME", lang.help_reach_pin()).conflicts_with_all(["matrix", "fix", "watch"]))
        .arg(flag("list", lang.help_reach_list()).conflicts_with_all(["to", "matrix", "fix", "watch", "pin"]))
        .arg(
            option("history", "NAME", lang.help_reach_history())
                .conflicts_with_all(["to", "matrix", "fix", "watch", "pin", "list"]),
        )
        .arg(
            option("unpin", "NAME", lang.help_reach_unpin())
                .conflicts_with_all(["to", "matrix", "fix", "watch", "pin", "list", "history"]),
        )
        .arg(
            option("user", "USER", lang.help_openrc_user())
                .value_parser(PossibleValuesParser::new(["admin", "demo"]))
                .default_value("admin"),
        )
        .arg(json(lang))
}

fn port(lang: Lang) -> Command {
    let id = || {
        Arg::new("port")
            .value_name("PORT_ID")
            .required(true)
            .help(lang.help_port_id())
    };
    sub("port", lang.about_port(), PORT_EXAMPLE, lang)
        .subcommand_required(true)
        .subcommand(
            sub("attach", lang.about_attach(), PORT_EXAMPLE, lang)
                .arg(id())
                .arg(
                    Arg::new("netns")
                        .long("netns")
                        .value_name("NAME")
                        .required(true)
                        .help(lang.help_netns()),
                )
                .arg(
                    Arg::new("ifname")
                        .long("ifname")
                        .value_name("NAME")
                        .default_value("eth0")
                        .help(lang.help_ifname()),
                )
                .arg(json(lang)),
        )
        .subcommand(sub("detach", lang.about_detach(), DETACH_EXAMPLE, lang).arg(id()))
}

fn image(lang: Lang) -> Command {
    sub("image", lang.about_image(), IMAGE_EXAMPLE, lang)
        .subcommand_required(true)
        .subcommand(
            sub("create", lang.about_image_create(), IMAGE_EXAMPLE, lang)
                .arg(
                    Arg::new("name")
                        .value_name("NAME")
                        .required(true)
                        .help(lang.help_image_name()),
                )
                .arg(path("file", lang.help_image_file()))
                .arg(flag("public", lang.help_image_public()))
                .arg(json(lang)),
        )
        .subcommand(sub("list", lang.about_image_list(), "  maru image list", lang).arg(json(lang)))
}

const UP_EXAMPLE: &str = "  sudo maru up\n  maru up --node sim --state-dir /tmp/cloud --listen 127.0.0.1:5001";
const PURGE_EXAMPLE: &str = "  sudo maru purge --yes";
const STATUS_EXAMPLE: &str = "  sudo maru status\n  sudo maru status --leftovers --json";
const REACH_EXAMPLE: &str = "  sudo maru reach --to web1 --tcp 22\n  sudo maru reach --to web1 --tcp 22 --probe\n  sudo maru \
                             reach --to web1 --from router --which fixed --fix\n  sudo maru reach --to web1 --matrix\n  sudo \
                             maru reach --to web1 --tcp 22 --watch\n  sudo maru reach --to web1 --tcp 22 --pin ssh && sudo \
                             maru reach --history ssh";
const DOCTOR_EXAMPLE: &str = "  sudo maru doctor";
const DEMO_EXAMPLE: &str = "  sudo maru demo --image tiny.qcow2";
const OPENRC_EXAMPLE: &str = "  . <(sudo maru openrc demo)";
const RESTORE_EXAMPLE: &str = "  sudo maru down && sudo maru restore --yes /root/maru-backup.db";
const PORT_EXAMPLE: &str = "  sudo maru port attach 3f2c09a1-5d6e-4f70-8192-a3b4c5d6e7f8 --netns web --ifname eth0";
const DETACH_EXAMPLE: &str = "  sudo maru port detach 3f2c09a1-5d6e-4f70-8192-a3b4c5d6e7f8";
const IMAGE_EXAMPLE: &str = "  sudo maru image create debian debian-12-generic.qcow2 --public";
const COMPLETIONS_EXAMPLE: &str = "  maru completions bash > /etc/bash_completion.d/maru";

fn sub(name: &'static str, about: String, example: &str, lang: Lang) -> Command {
    Command::new(name)
        .about(about)
        .after_help(format!("{}\n{example}", lang.help_example()))
}

fn flag(name: &'static str, help: String) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
}

fn json(lang: Lang) -> Arg {
    flag("json", lang.help_json())
}

fn path(name: &'static str, help: String) -> Arg {
    Arg::new(name)
        .value_name(name.to_ascii_uppercase())
        .required(true)
        .value_parser(value_parser!(std::path::PathBuf))
        .value_hint(ValueHint::FilePath)
        .help(help)
}

/// The option of a setting. What it holds is parsed with the rest of the settings, whatever it came from.
fn key_arg(name: &'static str, lang: Lang) -> Arg {
    let key: &Key = KEYS
        .iter()
        .find(|key| key.name == name)
        .expect("options name keys of the table; a test builds them all");
    let about = lang.pick(key.help.0, key.help.1);
    let default = if key.default.is_empty() {
        String::new()
    } else {
        format!(", {} {}", lang.help_default(), key.default)
    };
    Arg::new(name)
        .long(key.option())
        .value_name("VALUE")
        .help(format!("{about} [{}{default}]", key.variable()))
}

fn with_keys(command: Command, names: impl IntoIterator<Item = &'static str>, lang: Lang) -> Command {
    names
        .into_iter()
        .fold(command, |command, name| command.arg(key_arg(name, lang)))
}

/// The words that clap itself puts into help.
fn localize(command: Command, lang: Lang) -> Command {
    if lang == Lang::En {
        return command;
    }
    let names: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    let command = command
        .subcommand_help_heading("명령")
        .subcommand_value_name("명령")
        .help_template("{about-with-newline}\n사용법: {usage}\n\n{all-args}{after-help}")
        .disable_help_flag(true)
        .disable_version_flag(true)
        .mut_args(|arg| {
            let heading = if arg.is_positional() { "인자" } else { "옵션" };
            arg.help_heading(heading)
        })
        .arg(
            Arg::new("help")
                .long("help")
                .short('h')
                .action(ArgAction::Help)
                .help_heading("옵션")
                .help("도움말을 봅니다"),
        );
    let command = if command.get_name() == "maru" {
        command.arg(
            Arg::new("version")
                .long("version")
                .short('V')
                .action(ArgAction::Version)
                .help_heading("옵션")
                .help("버전을 봅니다"),
        )
    } else {
        command
    };
    names.into_iter().fold(command, |command, name| {
        command.mut_subcommand(name, |sub| localize(sub, lang))
    })
}

/// What stands on the command line for a setting.
pub fn given(matches: &ArgMatches, name: &str) -> Option<String> {
    matches.try_get_one::<String>(name).ok().flatten().cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(command: &Command, path: &str, visit: &mut impl FnMut(&str, &Command)) {
        let path = format!("{path} {}", command.get_name());
        visit(path.trim(), command);
        for sub in command.get_subcommands() {
            all(sub, &path, visit);
        }
    }

    #[test]
    fn the_command_line_is_sound_in_both_languages() {
        for lang in [Lang::En, Lang::Ko] {
            command(lang).debug_assert();
        }
    }

    #[test]
    fn every_command_has_an_example_and_both_languages() {
        let (english, korean) = (command(Lang::En), command(Lang::Ko));
        let mut texts = std::collections::BTreeMap::new();
        all(&english, "", &mut |path, command| {
            texts.insert(path.to_owned(), command.get_about().map(ToString::to_string));
            let example = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(example.contains("maru "), "{path} has no example");
        });
        all(&korean, "", &mut |path, command| {
            assert_ne!(texts[path], command.get_about().map(ToString::to_string), "{path}");
            for arg in command.get_arguments() {
                assert!(arg.get_help().is_some(), "{path} {}", arg.get_id());
            }
        });
    }

    #[test]
    fn help_as_it_is_printed() {
        for (name, lang) in [("en", Lang::En), ("ko", Lang::Ko)] {
            let mut text = String::new();
            let mut built = command(lang).term_width(120);
            built.build();
            all(&built, "", &mut |path, sub| {
                let help = sub.clone().render_help();
                text.push_str(&format!("$ {path} --help\n{help}\n"));
            });
            insta::assert_snapshot!(format!("help_{name}"), text);
        }
    }
}
