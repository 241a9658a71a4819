//! What goes to the terminal: lines, marks, tables, JSON, progress. A reader that goes away (`maru status | head`) is no
//! error.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::lang::Lang;

/// Where a command prints.
pub struct Output {
    /// The language.
    pub lang: Lang,
    /// Data is printed as JSON.
    pub json: bool,
    color: bool,
    is_terminal: bool,
    to_stderr: bool,
}

/// How something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mark {
    /// Good.
    Ok,
    /// Works, but look at it.
    Warn,
    /// Does not work.
    Fail,
    /// Not known.
    Unknown,
}

impl Output {
    /// The process's standard output.
    pub fn new(lang: Lang, json: bool) -> Self {
        let is_terminal = std::io::stdout().is_terminal();
        let color = is_terminal && std::env::var_os("NO_COLOR").is_none();
        Self {
            lang,
            json,
            color,
            is_terminal,
            to_stderr: false,
        }
    }

    /// The process's standard error, for the last word of a command that failed.
    pub fn to_stderr(lang: Lang) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        Self {
            lang,
            json: false,
            color: is_terminal && std::env::var_os("NO_COLOR").is_none(),
            is_terminal,
            to_stderr: true,
        }
    }

    /// A line, unless data is printed as JSON.
    pub fn line(&self, text: impl AsRef<str>) {
        if !self.json {
            self.raw(text.as_ref());
        }
    }

    /// A line, always.
    pub fn raw(&self, text: &str) {
        // The reader may have gone away.
        let _ = if self.to_stderr {
            writeln!(std::io::stderr().lock(), "{text}")
        } else {
            let mut stdout = std::io::stdout().lock();
            writeln!(stdout, "{text}").and_then(|()| stdout.flush())
        };
    }

    /// A value as JSON.
    pub fn data(&self, value: &impl Serialize) -> anyhow::Result<()> {
        self.raw(&serde_json::to_string_pretty(value)?);
        Ok(())
    }

    /// A line behind a mark.
    pub fn marked(&self, mark: Mark, text: impl AsRef<str>) {
        let (sign, color) = match mark {
            Mark::Ok => ("ok  ", "32"),
            Mark::Warn => ("warn", "33"),
            Mark::Fail => ("FAIL", "31"),
            Mark::Unknown => ("?   ", "36"),
        };
        self.line(format!("{}  {}", self.paint(sign, color), text.as_ref()));
    }

    /// A heading.
    pub fn heading(&self, text: impl AsRef<str>) {
        self.line(self.paint(text.as_ref(), "1"));
    }

    /// A quieter line.
    pub fn note(&self, text: impl AsRef<str>) {
        self.line(self.paint(text.as_ref(), "2"));
    }

    fn paint(&self, text: &str, code: &str) -> String {
        if self.color {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    /// Columns under headings.
    pub fn table(&self, headings: &[&str], rows: &[Vec<String>]) {
        let width = |column: usize| {
            let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| columns(cell));
            cells.chain([columns(headings[column])]).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..headings.len()).map(width).collect();
        let line = |cells: &[String]| {
            let padded: Vec<String> = cells
                .iter()
                .zip(&widths)
                .map(|(cell, width)| format!("{cell}{}", " ".repeat(width.saturating_sub(columns(cell)))))
                .collect();
            padded.join("  ").trim_end().to_owned()
        };
        let headings: Vec<String> = headings.iter().map(|heading| (*heading).to_owned()).collect();
        self.heading(line(&headings));
        for row in rows {
            self.line(line(row));
        }
    }

    /// Shows how far long work is: on a terminal in place, else now and then on a line.
    pub fn progress(&self, what: String) -> Progress<'_> {
        Progress {
            output: self,
            what,
            // In a file the first line is due only when the work is long.
            shown: (!self.is_terminal).then(Instant::now),
        }
    }
}

/// Terminal columns of a text: Hangul and its like take two.
fn columns(text: &str) -> usize {
    text.chars()
        .map(|c| if matches!(c as u32, 0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0xff00..=0xff60) { 2 } else { 1 })
        .sum()
}

/// Long work under way.
pub struct Progress<'a> {
    output: &'a Output,
    what: String,
    shown: Option<Instant>,
}

impl Progress<'_> {
    /// Shows a state, not too often.
    pub fn show(&mut self, state: &str) {
        let every = if self.output.is_terminal {
            Duration::from_millis(200)
        } else {
            Duration::from_secs(10)
        };
        if self.output.json || self.shown.is_some_and(|at| at.elapsed() < every) {
            return;
        }
        self.shown = Some(Instant::now());
        if self.output.is_terminal {
            let mut stdout = std::io::stdout().lock();
            let _ = write!(stdout, "\r\x1b[K{} {state}", self.what);
            let _ = stdout.flush();
        } else {
            self.output.line(format!("{} {state}", self.what));
        }
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        if self.output.is_terminal && self.shown.is_some() {
            let mut stdout = std::io::stdout().lock();
            let _ = write!(stdout, "\r\x1b[K");
            let _ = stdout.flush();
        }
    }
}

/// Bytes for people.
pub fn human_bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit < UNITS.len() - 1 {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 {
        format!("{bytes} B")
    } else {
        format!("{value:.1} {}", UNITS[unit])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_columns() {
        assert_eq!(human_bytes(1023), "1023 B");
        assert_eq!(human_bytes(20 << 20), "20.0 MiB");
        assert_eq!(human_bytes(u64::MAX), "16777216.0 TiB");
        assert_eq!(columns("ab"), 2);
        assert_eq!(columns("이름"), 4);
    }
}
