//! Reads the parts of `docs/protocol.md` that are meant for machines.
//!
//! Three forms, each described in the document itself:
//!
//! - a fenced block `hex name=NAME`: an example, hexadecimal bytes, `#` starts a comment;
//! - a fenced block `values`: one line per example of the encoding of a single value;
//! - a table row whose first cell is a `CONSTANT` in backticks and whose second is its number.

use std::collections::BTreeMap;

/// The document under test.
pub(crate) const PROTOCOL_MD: &str = include_str!("../../../docs/protocol.md");

/// What a machine can read in the document.
pub(crate) struct Document<'a> {
    /// The bytes of each named example.
    pub(crate) examples: BTreeMap<String, Vec<u8>>,
    /// The lines of all `values` blocks.
    pub(crate) values: Vec<&'a str>,
    /// Numbers of the tables of limits.
    pub(crate) constants: BTreeMap<String, usize>,
}

impl<'a> Document<'a> {
    /// Reads the document, and panics where it does not keep to its own forms.
    pub(crate) fn parse(text: &'a str) -> Self {
        let mut document =
            Self { examples: BTreeMap::new(), values: Vec::new(), constants: BTreeMap::new() };
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if let Some(info) = line.strip_prefix("```") {
                let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
                document.add_block(info, &block);
            } else {
                document.add_table_row(line);
            }
        }
        document
    }

    fn add_block(&mut self, info: &str, block: &[&'a str]) {
        if let Some(name) = info.strip_prefix("hex name=") {
            let mut bytes = Vec::new();
            for line in block {
                bytes.extend(parse_hex(without_comment(line)));
            }
            let twice = self.examples.insert(name.to_owned(), bytes);
            assert!(twice.is_none(), "two examples are named {name:?}");
        } else if info == "values" {
            let lines = block.iter().map(|line| without_comment(line).trim());
            self.values.extend(lines.filter(|line| !line.is_empty()));
        } else {
            assert!(!info.starts_with("hex"), "a hex block without a name: {info:?}");
        }
    }

    fn add_table_row(&mut self, line: &str) {
        let mut cells = line.split('|').map(str::trim).skip(1);
        let (Some(first), Some(second)) = (cells.next(), cells.next()) else { return };
        let Some(name) = first.strip_prefix('`').and_then(|rest| rest.strip_suffix('`')) else {
            return;
        };
        let is_constant = name.chars().all(|c| c.is_ascii_uppercase() || c == '_');
        if is_constant {
            let digits: String = second.chars().filter(|c| *c != ',').collect();
            let number = digits.parse().unwrap_or_else(|_| panic!("{name} is not a number"));
            self.constants.insert(name.to_owned(), number);
        }
    }
}

/// Bytes as the document writes them.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

/// Reads pairs of hexadecimal digits with spaces between them.
pub(crate) fn parse_hex(text: &str) -> Vec<u8> {
    let byte = |pair| {
        u8::from_str_radix(pair, 16).unwrap_or_else(|_| panic!("{pair:?} is not a byte in hex"))
    };
    text.split_whitespace().map(byte).collect()
}

fn without_comment(line: &str) -> &str {
    line.split('#').next().unwrap_or_default()
}
