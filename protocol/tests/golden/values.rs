//! Checks one line of a `values` block of `docs/protocol.md`.
//!
//! ```text
//!   TYPE VALUE = HEX    the value encodes to these bytes, and these bytes decode to the value
//!   TYPE VALUE < HEX    these bytes decode to the value, but are not how it is encoded
//!   TYPE refuses HEX    these bytes are not a value of the type
//! ```

use std::fmt::Debug;

use gamekeeper_protocol::codec::{self, Bytes, DecodeError};
use serde::{Deserialize, Serialize};

use crate::document::{hex, parse_hex};

/// Panics if `line` is not true, or not of the form above.
pub(crate) fn check(line: &str) {
    let (type_name, rest) = line.split_once(' ').unwrap_or_else(|| panic!("no type: {line:?}"));
    let claim = Claim::parse(line, rest.trim());
    match type_name {
        "bool" => claim.check::<bool>(parse_number),
        "u8" => claim.check::<u8>(parse_number),
        "u16" => claim.check::<u16>(parse_number),
        "u32" => claim.check::<u32>(parse_number),
        "u64" => claim.check::<u64>(parse_number),
        "i8" => claim.check::<i8>(parse_number),
        "i16" => claim.check::<i16>(parse_number),
        "string" => claim.check::<String>(parse_string),
        "bytes" => claim.check_bytes(),
        "option(u32)" => claim.check::<Option<u32>>(parse_option),
        "list(u16)" => claim.check::<Vec<u16>>(parse_list),
        "array(u16,3)" => claim.check::<[u16; 3]>(|text| {
            parse_list(text).try_into().unwrap_or_else(|_| panic!("not three numbers: {text:?}"))
        }),
        _ => panic!("unknown type in {line:?}"),
    }
}

/// What a line says about some bytes.
struct Claim<'a> {
    line: &'a str,
    bytes: Vec<u8>,
    meaning: Meaning<'a>,
}

enum Meaning<'a> {
    BothWays(&'a str),
    DecodesTo(&'a str),
    Refused,
}

impl<'a> Claim<'a> {
    fn parse(line: &'a str, rest: &'a str) -> Self {
        let (meaning, bytes) = if let Some(bytes) = rest.strip_prefix("refuses ") {
            (Meaning::Refused, bytes)
        } else if let Some((value, bytes)) = rest.split_once(" = ") {
            (Meaning::BothWays(value.trim()), bytes)
        } else if let Some((value, bytes)) = rest.split_once(" < ") {
            (Meaning::DecodesTo(value.trim()), bytes)
        } else {
            panic!("neither =, < nor refuses: {line:?}");
        };
        Self { line, bytes: parse_hex(bytes), meaning }
    }

    fn check<T>(&self, parse: impl Fn(&str) -> T)
    where
        T: Serialize + for<'de> Deserialize<'de> + PartialEq + Debug,
    {
        let expected = match self.meaning {
            Meaning::BothWays(text) | Meaning::DecodesTo(text) => Some(parse(text)),
            Meaning::Refused => None,
        };
        self.compare(codec::decode_from_server(&self.bytes), expected);
    }

    fn check_bytes(&self) {
        let expected = match self.meaning {
            Meaning::BothWays(text) | Meaning::DecodesTo(text) => Some(parse_hex(text)),
            Meaning::Refused => None,
        };
        self.compare(codec::decode_from_server(&self.bytes), expected.as_deref().map(Bytes));
    }

    fn compare<T: Serialize + PartialEq + Debug>(
        &self,
        decoded: Result<T, DecodeError>,
        expected: Option<T>,
    ) {
        let Some(expected) = expected else {
            assert!(decoded.is_err(), "{}: decodes to {decoded:?}", self.line);
            return;
        };
        let mut encoded = Vec::new();
        codec::encode_value(&expected, &mut encoded).expect("a plain value encodes");
        assert_eq!(decoded.as_ref(), Ok(&expected), "{}", self.line);
        match self.meaning {
            Meaning::BothWays(_) => assert_eq!(hex(&encoded), hex(&self.bytes), "{}", self.line),
            _ => assert_ne!(hex(&encoded), hex(&self.bytes), "{}", self.line),
        }
    }
}

fn parse_number<T: std::str::FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| panic!("not a value of this type: {text:?}"))
}

fn parse_string(text: &str) -> String {
    let inner = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner.unwrap_or_else(|| panic!("not in quotes: {text:?}")).to_owned()
}

fn parse_option(text: &str) -> Option<u32> {
    (text != "none").then(|| parse_number(text))
}

fn parse_list(text: &str) -> Vec<u16> {
    let inner = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let inner = inner.unwrap_or_else(|| panic!("not in brackets: {text:?}"));
    inner.split_whitespace().map(parse_number).collect()
}
