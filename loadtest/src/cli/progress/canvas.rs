//! Lines that are drawn over each other on a terminal.
//!
//! Part of [`progress`](super). Lines -> **`Canvas`** -> what is written to the terminal. Pure.
//!
//! Between two drawings the cursor is at the beginning of the line below, so that what the terminal
//! itself writes (`^C`, when somebody presses it) does not move the lines, and goes away with the
//! next drawing.

use std::fmt::Write;

/// Lines that are drawn over each other.
#[derive(Debug, Default)]
pub(super) struct Canvas {
    /// Lines above the cursor that are ours.
    drawn: usize,
}

impl Canvas {
    /// Draws these lines in place of those that are there. None may be as wide as the terminal.
    pub(super) fn draw(&mut self, lines: &[String]) -> String {
        let mut text = self.back();
        for line in lines {
            // Each line is cleared behind its text and not before, so that nothing flickers.
            let _ = write!(text, "{line}\x1b[K\r\n");
        }
        text.push_str("\x1b[J");
        self.drawn = lines.len();
        text
    }

    /// Takes all lines away.
    pub(super) fn clear(&mut self) -> String {
        let text = format!("{}\x1b[J", self.back());
        self.drawn = 0;
        text
    }

    /// Moves the cursor to the first of our lines.
    fn back(&self) -> String {
        match self.drawn {
            0 => "\r".to_owned(),
            lines => format!("\r\x1b[{lines}A"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As much of a terminal as a canvas needs: its lines, and where the cursor is.
    #[derive(Default)]
    struct Terminal {
        lines: Vec<String>,
        row: usize,
        column: usize,
    }

    impl Terminal {
        fn write(&mut self, text: &str) {
            let mut letters = text.chars();
            while let Some(letter) = letters.next() {
                let rows = self.lines.len().max(self.row + 1);
                self.lines.resize(rows, String::new());
                match letter {
                    '\r' => self.column = 0,
                    '\n' => self.row += 1,
                    '\x1b' => {
                        let order = order(&mut letters);
                        self.obey(&order);
                    }
                    letter => {
                        let line = &mut self.lines[self.row];
                        let kept: String = line.chars().take(self.column).collect();
                        let rest: String = line.chars().skip(self.column + 1).collect();
                        *line = format!("{kept}{letter}{rest}");
                        self.column += 1;
                    }
                }
            }
        }

        fn obey(&mut self, order: &str) {
            let cut = |line: &str, column| line.chars().take(column).collect();
            match order {
                "K" => self.lines[self.row] = cut(&self.lines[self.row], self.column),
                "J" => {
                    self.lines.truncate(self.row + 1);
                    self.lines[self.row] = cut(&self.lines[self.row], self.column);
                }
                up => self.row -= up.trim_end_matches('A').parse::<usize>().expect("a number"),
            }
        }
    }

    /// What is between a bracket and the first letter behind it, and that as well.
    fn order(letters: &mut impl Iterator<Item = char>) -> String {
        let mut order = String::new();
        for letter in letters.skip(1) {
            order.push(letter);
            if letter.is_alphabetic() {
                break;
            }
        }
        order
    }

    fn lines(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn lines_are_in_place_whatever_their_number_and_whoever_writes_between() {
        let (mut terminal, mut canvas) = (Terminal::default(), Canvas::default());
        terminal.write("$ run\r\n");
        terminal.write(&canvas.draw(&lines(&["one", "two, long"])));
        assert_eq!(terminal.lines, ["$ run", "one", "two, long", ""]);
        terminal.write("^C");
        terminal.write(&canvas.draw(&lines(&["1", "2", "3"])));
        assert_eq!(terminal.lines, ["$ run", "1", "2", "3", ""]);
        terminal.write(&canvas.draw(&lines(&["last"])));
        assert_eq!(terminal.lines, ["$ run", "last", ""]);
        terminal.write("^C");
        terminal.write(&canvas.clear());
        assert_eq!(terminal.lines, ["$ run", ""]);
        terminal.write(&canvas.clear());
        terminal.write("report");
        assert_eq!(terminal.lines, ["$ run", "report"], "nothing of others is taken away");
    }
}
