//! A console's text without what only a terminal understands.

/// What a guest wrote, as lines: colours, cursor movements and other control characters are left out, and of a line that was
/// written over (progress bars) the last state stays.
pub(super) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in without_escapes(text).split('\n') {
        let line = line.trim_end_matches('\r');
        let last = line.rsplit('\r').next().unwrap_or(line);
        out.extend(last.chars().filter(|c| !c.is_control() || *c == '\t'));
        out.push('\n');
    }
    out.pop();
    out
}

fn without_escapes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        if character != '\u{1b}' {
            out.push(character);
            continue;
        }
        match characters.next() {
            // Control sequences: parameters, then one letter or the like.
            Some('[') => {
                while let Some(next) = characters.next_if(|c| *c != '\n') {
                    if ('\u{40}'..='\u{7e}').contains(&next) {
                        break;
                    }
                }
            }
            // Words for the terminal, such as a title: up to a bell or another escape.
            Some(']' | 'P' | '^' | '_') => {
                while let Some(next) = characters.next_if(|c| *c != '\n') {
                    if next == '\u{7}' {
                        break;
                    }
                    if next == '\u{1b}' {
                        characters.next_if_eq(&'\\');
                        break;
                    }
                }
            }
            // A set of characters is chosen.
            Some('(' | ')' | '*' | '+' | '#' | '%') => {
                characters.next();
            }
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_do_is_left_out() {
        for (written, shown) in [
            ("[\u{1b}[0;32m  OK  \u{1b}[0m] Started.\r\n", "[  OK  ] Started.\n"),
            ("\u{1b}[2J\u{1b}[01;01Hlogin: ", "login: "),
            ("\u{1b}]0;root@web\u{7}# ", "# "),
            ("\u{1b}]0;root@web\u{1b}\\# ", "# "),
            ("10%\r20%\r100%\n", "100%\n"),
            ("\u{1b}(Bplain\u{0}\u{8}\n", "plain\n"),
            ("<script>alert(1)</script>\n", "<script>alert(1)</script>\n"),
            ("cut \u{1b}[3", "cut "),
            ("cut \u{1b}", "cut "),
            ("a\n\u{1b}[\nb", "a\n\nb"),
            ("한글\tok", "한글\tok"),
            ("", ""),
        ] {
            assert_eq!(plain(written), shown, "{written:?}");
        }
    }
}
