//! `maru demo`: the tutorial, told and done. Each step says what it does, which command a user would type, and what can
//! be seen; does it through the API as a client would; and stops at the first thing that does not come true.

mod before;
mod programs;
mod steps;

use std::pin::Pin;

use anyhow::Context;
use linux::Netns;

use crate::background;
use crate::client::Client;
use crate::output::{Mark, Output};
use crate::settings::Settings;
use crate::state_dir::StateDir;

/// What a step saw.
type Seen = anyhow::Result<Vec<String>>;
type Doing<'a> = Pin<Box<dyn Future<Output = Seen> + 'a>>;

/// One step of the story.
struct Step {
    /// What happens and why, in the user's language.
    tell: fn(crate::lang::Lang) -> (String, String),
    /// What one would type.
    commands: &'static [&'static str],
    act: for<'a> fn(&'a mut Story<'_>) -> Doing<'a>,
}

/// What the steps know and learn.
struct Story<'a> {
    settings: &'a Settings,
    state: StateDir,
    output: &'a Output,
    client: Client,
    host: Netns,
    image: String,
    network: String,
    subnet: String,
    server: String,
    router: String,
    port: String,
    fixed_ip: String,
    floating_ip: String,
}

/// Starts the demonstration's cloud, walks through the tutorial and leaves everything running.
pub async fn run(settings: &Settings, output: &Output) -> anyhow::Result<()> {
    let lang = output.lang;
    output.heading(lang.demo_title());
    output.line(lang.demo_intro(settings.host_netns().unwrap_or("-"), settings.state_dir.display()));
    output.line("");
    let mut story = open(settings, output).await?;
    before::clear(&story).await.context(lang.demo_cannot_clear())?;
    for (place, step) in steps::STEPS.iter().enumerate() {
        let (title, why) = (step.tell)(lang);
        output.line("");
        output.heading(format!("[{}/{}] {title}", place + 1, steps::STEPS.len()));
        output.note(format!("  {why}"));
        for command in step.commands {
            output.line(format!("  $ {command}"));
        }
        match (step.act)(&mut story).await {
            Ok(seen) => {
                for line in seen {
                    output.line(format!("    {line}"));
                }
            }
            Err(error) => {
                output.marked(Mark::Fail, lang.demo_stopped());
                output.line(lang.demo_look(settings.state_dir.display()));
                return Err(error.context(title));
            }
        }
    }
    farewell(&story);
    Ok(())
}

async fn open<'a>(settings: &'a Settings, output: &'a Output) -> anyhow::Result<Story<'a>> {
    background::start(settings, arguments(settings), output).await?;
    let state = StateDir::new(&settings.state_dir);
    let record = state.run_record().context(output.lang.demo_no_record())?;
    let host = match &record.host_netns {
        Some(name) => Netns::open(name)?,
        None => Netns::current()?,
    };
    let client = Client::log_in(&state, "maru-demo").await?;
    let empty = String::new;
    Ok(Story {
        settings,
        state,
        output,
        client,
        host,
        image: empty(),
        network: empty(),
        subnet: empty(),
        server: empty(),
        router: empty(),
        port: empty(),
        fixed_ip: empty(),
        floating_ip: empty(),
    })
}

/// How the cloud is started, so that a `maru up` typed later with the same words is the same cloud.
fn arguments(settings: &Settings) -> Vec<String> {
    let acceleration = match settings.acceleration {
        crate::settings::Acceleration::Auto => "auto",
        crate::settings::Acceleration::Kvm => "kvm",
        crate::settings::Acceleration::Tcg => "tcg",
    };
    let mut arguments = vec![
        "--state-dir".to_owned(),
        settings.state_dir.display().to_string(),
        "--listen".to_owned(),
        settings.listen.to_string(),
        "--acceleration".to_owned(),
        acceleration.to_owned(),
        "--log".to_owned(),
        settings.log.0.clone(),
    ];
    if let Some(name) = settings.host_netns() {
        arguments.extend(["--host-netns".to_owned(), name.to_owned()]);
    }
    if !settings.image.0.is_empty() {
        arguments.extend(["--image".to_owned(), settings.image.0.clone()]);
    }
    arguments
}

fn farewell(story: &Story<'_>) {
    let (output, lang) = (story.output, story.output.lang);
    let state = story.state.path().display();
    let enter = match story.settings.host_netns() {
        Some(name) => format!("sudo nsenter --net=/run/netns/{name} "),
        None => "sudo ".to_owned(),
    };
    output.line("");
    output.marked(Mark::Ok, lang.demo_done());
    output.line("");
    output.line(lang.demo_log_in());
    output.line(format!(
        "  {enter}ssh -i {} -o UserKnownHostsFile=/dev/null -o StrictHostKeyChecking=no cirros@{}",
        steps::key_path(story).display(),
        story.floating_ip
    ));
    output.line(lang.demo_client());
    output.line(format!(
        "  . <(sudo maru openrc demo --state-dir {state}); openstack server list"
    ));
    output.line(lang.demo_host());
    output.line(format!("  {enter}bash"));
    output.line(lang.demo_end());
    output.line(format!("  sudo maru purge --yes --state-dir {state}"));
}
