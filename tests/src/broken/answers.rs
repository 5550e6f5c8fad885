//! Answers to the operator that are not true.
//!
//! Data flow: the server's answer, in pieces -> **[`Answer`]** -> the same answer with a changed
//! body. The head's length is made to fit; nothing else of it is looked at.

use serde_json::Value;

use super::Fault;

/// Of so many departures one is not told as it should be.
const WRONG_ONE_OF: u64 = 10;

/// The key of the reason in whatever is said about departures.
const REASON: &str = "reason";

/// An answer that comes in pieces.
#[derive(Debug, Default)]
pub struct Answer(Vec<u8>);

impl Answer {
    /// Takes in a piece; the whole answer, changed as `fault` says, once it is there.
    pub fn push(&mut self, piece: &[u8], fault: Fault) -> Option<Vec<u8>> {
        self.0.extend_from_slice(piece);
        let (head, body) = split(&self.0)?;
        if body.len() < length(head)? {
            return None;
        }
        let changed = match serde_json::from_slice(body) {
            Ok(mut value) => {
                change(&mut value, fault);
                value.to_string().into_bytes()
            }
            // It is not for programs: an error, say.
            Err(_) => body.to_vec(),
        };
        let told = format!("{LENGTH}{}", length(head)?);
        let head = head.replace(&told, &format!("{LENGTH}{}", changed.len()));
        Some([head.as_bytes(), &changed].concat())
    }
}

/// What stands before the length of the body in the head.
const LENGTH: &str = "Content-Length: ";

/// The head with the empty line behind it, and what there is of the body.
fn split(answer: &[u8]) -> Option<(&str, &[u8])> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let (head, body) = answer.split_at(end);
    Some((std::str::from_utf8(head).ok()?, body))
}

/// The length of the body in bytes, as the head has it.
fn length(head: &str) -> Option<usize> {
    head.lines().find_map(|line| line.strip_prefix(LENGTH))?.parse().ok()
}

fn change(value: &mut Value, fault: Fault) {
    match fault {
        Fault::ReportsTheWrongReason => call_it_fin(value),
        Fault::LiesInTheLedger => tell(value, 0),
        Fault::CountsTwice => tell(value, 2),
        Fault::LosesCount => {
            if let Some(leaves) = value.get_mut("leaves").and_then(Value::as_array_mut) {
                leaves.retain(|leave| leave[REASON] != "reset");
            }
        }
        _ => {}
    }
}

/// Tells some departures so many times instead of once.
fn tell(value: &mut Value, times: usize) {
    let Some(departures) = value.get_mut("departures").and_then(Value::as_array_mut) else {
        return;
    };
    let told = departures.drain(..).flat_map(|departure| {
        let number = departure["number"].as_u64();
        let is_wrong = number.is_some_and(|number| number.is_multiple_of(WRONG_ONE_OF));
        std::iter::repeat_n(departure, if is_wrong { times } else { 1 })
    });
    *departures = told.collect::<Vec<_>>();
}

/// Every reason becomes the same one, wherever it stands.
fn call_it_fin(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if let Some(reason) = fields.get_mut(REASON) {
                *reason = "fin".into();
            }
            fields.values_mut().for_each(call_it_fin);
        }
        Value::Array(elements) => elements.iter_mut().for_each(call_it_fin),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The body of the changed answer, which came in pieces of `piece_bytes`.
    fn changed(body: &str, fault: Fault, piece_bytes: usize) -> Value {
        let head = format!("HTTP/1.1 200 OK\r\n{LENGTH}{}\r\n\r\n", body.len());
        let whole = format!("{head}{body}");
        let mut answer = Answer::default();
        let mut pieces = whole.as_bytes().chunks(piece_bytes);
        let changed = pieces.find_map(|piece| answer.push(piece, fault)).expect("it is whole");
        assert!(pieces.next().is_none(), "it was whole too early");
        let (head, body) = split(&changed).expect("it has a head");
        assert_eq!(length(head), Some(body.len()));
        serde_json::from_slice(body).expect("JSON")
    }

    #[test]
    fn an_answer_is_changed_however_it_is_cut() {
        let body = r#"{"departures":[{"number":9,"reason":"reset"},{"number":10,"reason":"x"}]}"#;
        for piece_bytes in 1..200 {
            let fin = changed(body, Fault::ReportsTheWrongReason, piece_bytes);
            assert_eq!(fin["departures"][0]["reason"], "fin");
            assert_eq!(fin["departures"].as_array().map(Vec::len), Some(2));
            let short = changed(body, Fault::LiesInTheLedger, piece_bytes);
            assert_eq!(short["departures"].as_array().map(Vec::len), Some(1));
            assert_eq!(short["departures"][0]["reason"], "reset");
            let long = changed(body, Fault::CountsTwice, piece_bytes);
            assert_eq!(long["departures"].as_array().map(Vec::len), Some(3));
        }
    }
}
