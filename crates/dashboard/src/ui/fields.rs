//! Fields of forms. A field's hint belongs to it for screen readers too.

use maud::{Markup, html};

use crate::messages::Text;

/// What is said around an input.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Field<'a> {
    /// Its name in the form.
    pub name: &'a str,
    /// Its label.
    pub label: &'a str,
    /// What helps to fill it in.
    pub hint: &'a str,
    /// What it holds at first.
    pub value: &'a str,
    /// An example, shown while it is empty.
    pub example: &'a str,
    /// The browser asks for it.
    pub required: bool,
    /// Characters that it must be of (a regular expression).
    pub pattern: Option<&'a str>,
    /// `text`, `number`, `password` …
    pub kind: Option<&'a str>,
    /// Smallest and largest number.
    pub range: Option<(i64, i64)>,
    /// An address that says what it thinks of the form as it stands, while one types (see [`check`]).
    pub check: Option<&'a str>,
}

fn around(field: &Field<'_>, input: Markup) -> Markup {
    html! {
        div .field {
            label for={ "f-" (field.name) } { (field.label) @if field.required { span .required aria-hidden="true" { "*" } } }
            (input)
            @if !field.hint.is_empty() { p .hint id={ "h-" (field.name) } { (field.hint) } }
            @if field.check.is_some() { (check_place(field.name)) }
        }
    }
}

fn check_place(name: &str) -> Markup {
    html! { div .check id={ "c-" (name) } aria-live="polite" {} }
}

/// One line of text.
pub(crate) fn text(field: Field<'_>) -> Markup {
    let described = (!field.hint.is_empty()).then(|| format!("h-{}", field.name));
    around(
        &field,
        html! {
            input id={ "f-" (field.name) } name=(field.name) type=(field.kind.unwrap_or("text")) value=(field.value)
                placeholder=[(!field.example.is_empty()).then_some(field.example)] required[field.required] pattern=[field.pattern]
                min=[field.range.map(|range| range.0)] max=[field.range.map(|range| range.1)] autocomplete="off" maxlength="255"
                aria-describedby=[described] hx-get=[field.check] hx-trigger=[field.check.map(|_| "input changed delay:250ms")]
                hx-target=[field.check.map(|_| format!("#c-{}", field.name))] hx-include=[field.check.map(|_| "closest form")]
                hx-swap=[field.check.map(|_| "innerHTML")];
        },
    )
}

/// Many lines of text.
pub(crate) fn text_area(field: Field<'_>, rows: u32) -> Markup {
    let described = (!field.hint.is_empty()).then(|| format!("h-{}", field.name));
    around(
        &field,
        html! {
            textarea id={ "f-" (field.name) } name=(field.name) rows=(rows) required[field.required] spellcheck="false"
                placeholder=[(!field.example.is_empty()).then_some(field.example)] aria-describedby=[described] { (field.value) }
        },
    )
}

/// One of several.
#[derive(Debug, Clone, Default)]
pub(crate) struct Choice {
    /// What is sent.
    pub value: String,
    /// What is shown.
    pub label: String,
    /// A word more.
    pub note: String,
    /// It can't be taken; the note says why.
    pub is_out: bool,
}

impl Choice {
    /// A value with its label.
    pub fn new(value: impl ToString, label: impl Into<String>) -> Self {
        Self {
            value: value.to_string(),
            label: label.into(),
            ..Self::default()
        }
    }

    /// With a word more.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    /// Shown, and not to be taken.
    pub fn out(mut self, is_out: bool) -> Self {
        self.is_out = is_out;
        self
    }
}

/// One of many, in a drop-down; `none` is the entry for "nothing".
pub(crate) fn pick(field: Field<'_>, none: Option<&str>, from: &[Choice]) -> Markup {
    let described = (!field.hint.is_empty()).then(|| format!("h-{}", field.name));
    around(
        &field,
        html! {
            select id={ "f-" (field.name) } name=(field.name) required[field.required] aria-describedby=[described]
                hx-get=[field.check] hx-trigger=[field.check.map(|_| "change")]
                hx-target=[field.check.map(|_| format!("#c-{}", field.name))] hx-include=[field.check.map(|_| "closest form")]
                hx-swap=[field.check.map(|_| "innerHTML")] {
                @if let Some(words) = none { option value="" { (words) } }
                @for choice in from {
                    option value=(choice.value) selected[choice.value == field.value && !choice.is_out] disabled[choice.is_out] {
                        (choice.label) @if !choice.note.is_empty() { " – " (choice.note) }
                    }
                }
            }
        },
    )
}

/// One (or, with `many`, any) of a few, each with a word more: cards to click on.
pub(crate) fn choices(field: Field<'_>, many: bool, from: &[Choice], taken: &[&str]) -> Markup {
    html! {
        fieldset .choices {
            legend { (field.label) @if field.required { span .required aria-hidden="true" { "*" } } }
            @if !field.hint.is_empty() { p .hint { (field.hint) } }
            div .choice-list {
                @for choice in from {
                    label .choice.out[choice.is_out] {
                        input type=(if many { "checkbox" } else { "radio" }) name=(field.name) value=(choice.value)
                            checked[taken.contains(&choice.value.as_str()) && !choice.is_out] disabled[choice.is_out] data-out[choice.is_out]
                            required[field.required && !many];
                        span { b { (choice.label) } @if !choice.note.is_empty() { span .muted { (choice.note) } } }
                    }
                }
            }
        }
    }
}

/// Yes or no.
pub(crate) fn check(name: &str, label: &str, hint: &str, is_set: bool) -> Markup {
    html! {
        div .field.check-field {
            label { input type="checkbox" name=(name) value="true" checked[is_set]; span { (label) } }
            @if !hint.is_empty() { p .hint { (hint) } }
        }
    }
}

/// Around a file input: the browser's own label is in the browser's language, not in the page's. The script writes the name.
pub(crate) fn file(t: Text, input: Markup) -> Markup {
    html! {
        div .file {
            (input)
            span .button aria-hidden="true" { (t.choose_file()) }
            span .file-name aria-hidden="true" data-none=(t.no_file()) { (t.no_file()) }
        }
    }
}

/// The end of a form: its place for problems, cancel, and the button that sends it.
pub(crate) fn submit(t: Text, words: &str, is_dangerous: bool) -> Markup {
    submit_if(t, words, is_dangerous, false, None)
}

/// [`submit`] of what can be taken back, but interrupts what runs: a connection, a disk's use, a state.
pub(crate) fn submit_warning(t: Text, words: &str) -> Markup {
    html! {
        div .problem-place aria-live="assertive" {}
        footer .form-end {
            button .button type="button" data-close { (t.cancel()) }
            button .button.main.warning type="submit" { (words) }
        }
    }
}

/// [`submit`] with a button that can't be pressed (`is_blocked`), or not before the box `needed` is ticked.
pub(crate) fn submit_if(t: Text, words: &str, is_dangerous: bool, is_blocked: bool, needed: Option<&str>) -> Markup {
    html! {
        div .problem-place aria-live="assertive" {}
        footer .form-end {
            button .button type="button" data-close { (t.cancel()) }
            button .button.main.danger[is_dangerous] type="submit" disabled[is_blocked] data-blocked[is_blocked] data-needs=[needed] { (words) }
        }
    }
}
