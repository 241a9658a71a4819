//! Figures beside their goals.

use serde_json::{Value, json};

/// One figure.
pub struct Row {
    /// What was measured.
    pub what: String,
    /// The figure.
    pub value: f64,
    /// Its unit.
    pub unit: &'static str,
    /// What it should be.
    pub goal: Goal,
}

/// What a figure should be.
#[derive(Clone, Copy)]
pub enum Goal {
    /// At most.
    AtMost(f64),
    /// At least.
    AtLeast(f64),
    /// Nothing: it stands beside others.
    Baseline,
}

/// All figures of a run.
#[derive(Default)]
pub struct Table(Vec<Row>);

impl Table {
    /// Adds a figure and shows it at once.
    #[allow(clippy::print_stderr)]
    pub fn add(&mut self, what: impl Into<String>, value: f64, unit: &'static str, goal: Goal) {
        let row = Row {
            what: what.into(),
            value,
            unit,
            goal,
        };
        eprintln!("  {:<58} {:>10.3} {}", row.what, row.value, row.unit);
        self.0.push(row);
    }

    /// The whole table.
    #[allow(clippy::print_stdout)]
    pub fn print(&self) {
        println!("\n{:<58} {:>12} {:<6} {:>14}", "figure", "value", "unit", "goal");
        for row in &self.0 {
            let (goal, met) = match row.goal {
                Goal::AtMost(limit) => (format!("<= {limit}"), Some(row.value <= limit)),
                Goal::AtLeast(limit) => (format!(">= {limit}"), Some(row.value >= limit)),
                Goal::Baseline => ("baseline".to_owned(), None),
            };
            let mark = met.map_or("", |met| if met { "met" } else { "MISSED" });
            println!(
                "{:<58} {:>12.3} {:<6} {:>14} {mark}",
                row.what, row.value, row.unit, goal
            );
        }
    }

    /// For machines.
    pub fn to_json(&self) -> Value {
        let rows = self.0.iter().map(|row| {
            let goal = match row.goal {
                Goal::AtMost(limit) => json!({"at_most": limit}),
                Goal::AtLeast(limit) => json!({"at_least": limit}),
                Goal::Baseline => Value::Null,
            };
            json!({"what": row.what, "value": row.value, "unit": row.unit, "goal": goal})
        });
        Value::Array(rows.collect())
    }
}
