//! The part of a request's target behind its question mark, as names and values.
//!
//! Data flow: request -> **`parse`** -> the page that is asked for. Pure.

/// Splits `limit=5&address=%3A%3A1` into names and values, decoded.
///
/// # Errors
///
/// What is wrong with it, as a sentence.
pub(super) fn parse(query: &str) -> Result<Vec<(String, String)>, String> {
    let mut pairs = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decode(name)?, decode(value)?);
        if pairs.iter().any(|(other, _)| *other == name) {
            return Err(format!("{name} is given twice"));
        }
        pairs.push((name, value));
    }
    Ok(pairs)
}

/// Replaces `%` and two hexadecimal digits by the byte that they stand for, and `+` by a space.
fn decode(text: &str) -> Result<String, String> {
    let fault = || format!("{text:?} is not properly percent-encoded UTF-8");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let decoded = match byte {
            b'%' => {
                let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16));
                let (high, low) = digit().zip(digit()).ok_or_else(fault)?;
                u8::try_from(high * 16 + low).expect("two digits")
            }
            b'+' => b' ',
            other => other,
        };
        bytes.push(decoded);
    }
    String::from_utf8(bytes).map_err(|_| fault())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_come_out_as_they_were_meant() {
        let owned = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
        };
        let parsed = parse("limit=5&address=%5B%3a%3A1%5D:7&&x=a+b&flag").expect("well-formed");
        let meant = [("limit", "5"), ("address", "[::1]:7"), ("x", "a b"), ("flag", "")];
        assert_eq!(parsed, owned(&meant));
        assert_eq!(parse(""), Ok(vec![]));
    }

    #[test]
    fn what_cannot_be_meant_is_named() {
        assert_eq!(parse("a=1&b=2&a=3"), Err("a is given twice".to_owned()));
        for bad in ["a=%", "a=%4", "a=%zz", "a=%ff"] {
            let fault = parse(bad).expect_err(bad);
            assert!(fault.contains(&bad[2..]), "{fault}");
        }
    }
}
