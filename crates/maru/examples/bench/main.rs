//! `make bench`: the program as a whole, measured from outside over HTTP, each figure beside its goal and, where the
//! machine matters, beside a baseline of the same minute. A table on screen, JSON in the file given.
//!
//! ```sh
//! cargo run --release -p maru --example bench -- --maru target/release/maru --json target/bench/api.json
//! ```

mod api;
mod cloud;
mod http;
mod table;

use std::path::PathBuf;

use anyhow::Context;
use clap::Parser;

/// Measures a Maru program.
#[derive(Parser)]
struct Arguments {
    /// The program to measure.
    #[arg(long, default_value = "target/release/maru")]
    maru: PathBuf,
    /// Where the figures go as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let mut table = table::Table::default();
    api::measure(&arguments.maru, &mut table)?;
    table.print();
    if let Some(path) = &arguments.json {
        if let Some(dir) = path.parent() {
            std::fs::create_dir_all(dir).with_context(|| format!("{} can't be made", dir.display()))?;
        }
        std::fs::write(path, serde_json::to_string_pretty(&table.to_json())?)
            .with_context(|| format!("{} can't be written", path.display()))?;
    }
    Ok(())
}
