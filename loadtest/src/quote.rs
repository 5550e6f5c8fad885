//! Words of a command, so that a shell reads them back as they were.
//!
//! Data flow: options -> **`Word`** -> the command that does the same again.

use std::fmt;

/// A word as it is said to a shell: in quotes, unless it means itself without.
#[derive(Clone, Copy, Debug)]
pub struct Word<'a>(pub &'a str);

impl fmt::Display for Word<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let means_itself = |c: char| c.is_alphanumeric() || "-_./:=,@%+".contains(c);
        if !self.0.is_empty() && self.0.chars().all(means_itself) {
            return f.write_str(self.0);
        }
        write!(f, "'{}'", self.0.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_ordinary_word_stays_as_it_is() {
        for word in ["arena", "/tmp/x.toml", "127.0.0.1:7777", "close:2,reset", "--pin"] {
            assert_eq!(Word(word).to_string(), word);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_shell_reads_it_back(word in "[ -~]{0,12}") {
            let command = format!("printf %s {}", Word(&word));
            let said = Command::new("sh").arg("-c").arg(command).output().expect("a shell");
            prop_assert_eq!(String::from_utf8_lossy(&said.stdout).into_owned(), word);
        }
    }
}
