//! What texts for a terminal have in common: colour, and nothing else that a terminal obeys.

/// Marks a text as good or bad, if colour is wanted.
pub(super) fn paint(colour: bool, text: &str, good: bool) -> String {
    match (colour, good) {
        (false, _) => text.to_owned(),
        (true, true) => format!("\x1b[32m{text}\x1b[0m"),
        (true, false) => format!("\x1b[1;31m{text}\x1b[0m"),
    }
}

/// A text from a file without what could move a cursor or forge a line.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_from_a_file_cannot_give_orders_to_a_terminal() {
        assert_eq!(plain("fin\x1b[2J 3\nok é"), "fin\u{fffd}[2J 3\u{fffd}ok é");
    }
}
