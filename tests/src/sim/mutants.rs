//! Bugs on purpose: each is a change of one place in the server, and what it would do to players.
//!
//! `cargo run --release -p gamekeeper-tests --bin mutants` plants each into a copy and counts the
//! worlds until the simulation finds it. They are never part of any build: here they are only the
//! text of `mutants.txt`. That each still fits to the server's code is a test of its own.

const TEXT: &str = include_str!("mutants.txt");

/// A bug.
#[derive(Clone, Copy, Debug)]
pub struct Mutant {
    /// Its name.
    pub name: &'static str,
    /// In which file.
    pub file: &'static str,
    /// What it would do to players.
    pub harm: &'static str,
    /// What stands there, exactly once.
    from: &'static str,
    /// What is to stand there.
    to: &'static str,
}

impl Mutant {
    /// The file's text with the bug.
    ///
    /// # Errors
    ///
    /// If the place is not there, or not once.
    pub fn apply(&self, text: &str) -> Result<String, String> {
        match text.matches(self.from).count() {
            1 => Ok(text.replacen(self.from, self.to, 1)),
            count => Err(format!("{} is {count} times in {}", self.name, self.file)),
        }
    }
}

/// All of them.
///
/// # Panics
///
/// If `mutants.txt` is not as its first lines say.
pub fn all() -> Vec<Mutant> {
    let blocks = TEXT.split("\n=== ").skip(1);
    blocks.map(|block| parse(block).unwrap_or_else(|| panic!("no mutant: {block}"))).collect()
}

fn parse(block: &'static str) -> Option<Mutant> {
    let (name, rest) = block.split_once("\nfile: ")?;
    let (file, rest) = rest.split_once("\nharm: ")?;
    let (harm, rest) = rest.split_once("\n--- from\n")?;
    let (from, to) = rest.split_once("\n--- to\n")?;
    let to = to.strip_suffix("\n===\n").or_else(|| to.strip_suffix('\n')).unwrap_or(to);
    Some(Mutant { name, file, harm, from, to })
}
