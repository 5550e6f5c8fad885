//! A report that was written to a file, to be looked at again.
//!
//! Data flow: file -> text -> **`Saved`** -> compare, renderings.
//!
//! It stays JSON and does not become a [`Report`] again: reports of older
//! and newer programs have other fields, and they are to be compared with each other. What is not
//! there is therefore a value of its own here and never zero. Only the schema must be known, and
//! that it is a report at all.

use std::{error, fmt};

use serde_json::Value;

use crate::{
    exit::ExitStatus,
    report::{Report, SCHEMA},
};

/// The layouts that can be read. In the first, a departure was joined with the server's leaves by
/// its reason, since then with the server's line about that very connection.
const KNOWN: [u32; 2] = [1, SCHEMA];

const _: () = assert!(SCHEMA == 2, "say here which of the older layouts can still be compared");

/// A report that was written to a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Saved {
    /// What to call it: the file, or the baseline.
    label: String,
    /// With a known schema, a verdict, an exit code, a command and a list of checks.
    json: Value,
}

impl Saved {
    /// Reads a report from the text of its file.
    ///
    /// # Errors
    ///
    /// [`SavedError`], if the text is no report or one that this program does not know.
    pub fn read(label: impl Into<String>, text: &str) -> Result<Self, SavedError> {
        let json: Value =
            serde_json::from_str(text).map_err(|error| SavedError::NotJson(error.to_string()))?;
        let schema = json.get("schema").ok_or(SavedError::Lacks("schema"))?;
        if !KNOWN.iter().any(|known| *schema == *known) {
            return Err(SavedError::Schema(schema.to_string()));
        }
        let lacks = |field, there: Option<()>| there.ok_or(SavedError::Lacks(field));
        lacks("verdict", json["verdict"].as_str().map(drop))?;
        lacks("exit_code", json["exit_code"].as_u64().map(drop))?;
        lacks("command", json["command"].as_str().map(drop))?;
        lacks("checks", json["checks"].as_array().map(drop))?;
        Ok(Self { label: label.into(), json })
    }

    /// A report as it would be in a file.
    ///
    /// # Errors
    ///
    /// [`SavedError`], if it cannot be written as JSON.
    pub fn of(label: impl Into<String>, report: &Report) -> Result<Self, SavedError> {
        let text = serde_json::to_string(report);
        Self::read(label, &text.map_err(|error| SavedError::NotJson(error.to_string()))?)
    }

    /// What to call it.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// All of it.
    pub fn json(&self) -> &Value {
        &self.json
    }

    /// The text at a path such as `/environment/kernel`.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.json.pointer(path).and_then(Value::as_str)
    }

    /// The number at a path.
    pub fn number(&self, path: &str) -> Option<f64> {
        self.json.pointer(path).and_then(Value::as_f64)
    }

    /// The elements of the list at a path; none if there is no list.
    pub fn list(&self, path: &str) -> &[Value] {
        self.json.pointer(path).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// The texts in the list at a path.
    pub fn texts(&self, path: &str) -> impl Iterator<Item = &str> {
        self.list(path).iter().filter_map(Value::as_str)
    }

    /// The verdict in one word.
    pub fn verdict(&self) -> &str {
        self.text("/verdict").unwrap_or("?")
    }

    /// The command that does the same again.
    pub fn command(&self) -> &str {
        self.text("/command").unwrap_or("?")
    }

    /// Whether every check has passed.
    pub fn has_passed(&self) -> bool {
        self.has_exit(ExitStatus::Pass)
    }

    /// Whether the figures say something about the server: the run was valid and came to its end.
    pub fn means_something(&self) -> bool {
        self.has_passed() || self.has_exit(ExitStatus::Failed)
    }

    /// How the run ended.
    pub fn status(&self) -> ExitStatus {
        let code = self.json["exit_code"].as_u64().and_then(|code| u8::try_from(code).ok());
        code.map_or(ExitStatus::Internal, ExitStatus::from_code)
    }

    fn has_exit(&self, status: ExitStatus) -> bool {
        self.json["exit_code"] == status.code()
    }

    /// The outcome of the check of this name: `passed`, `failed` or `skipped`.
    pub fn outcome_of(&self, name: &str) -> Option<&str> {
        let check = self.list("/checks").iter().find(|check| check["name"] == name)?;
        check["outcome"].as_str()
    }

    /// The names of the checks with this outcome.
    pub fn checks_that(&self, outcome: &str) -> Vec<&str> {
        let checks = self.list("/checks").iter().filter(|check| check["outcome"] == outcome);
        checks.map(|check| check["name"].as_str().unwrap_or("?")).collect()
    }

    /// The numbers from 0 of the causes in the list `/causes`, with the names of the departures.
    pub fn departures(&self) -> impl Iterator<Item = (usize, &str)> {
        let causes = self.list("/causes").iter().enumerate();
        causes.filter_map(|(index, cause)| Some((index, cause["departure"].as_str()?)))
    }
}

/// Why a text is not a report that this program can read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SavedError {
    /// It is not JSON, for this reason.
    NotJson(String),
    /// It has no such field, or something else in it.
    Lacks(&'static str),
    /// Its layout has this version, and another one is known.
    Schema(String),
}

impl fmt::Display for SavedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotJson(why) => write!(
                f,
                "it is not JSON ({why}); give a file that `run --json FILE` has written to its end"
            ),
            Self::Lacks(field) => write!(
                f,
                "it has no proper \"{field}\", so it is not a report; give a file that \
                 `run --json FILE` has written"
            ),
            Self::Schema(schema) => write!(
                f,
                "its schema is {schema}, and this program reads {} and {}; use the program that \
                 has written it, or run the load test again",
                KNOWN[0], KNOWN[1]
            ),
        }
    }
}

impl error::Error for SavedError {}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::*;
    use crate::report::tests::good_report;

    /// The report of a good run as it is in a file, changed.
    pub(crate) fn saved(label: &str, change: impl FnOnce(&mut Value)) -> Saved {
        let mut json = serde_json::to_value(good_report()).expect("a report is JSON");
        change(&mut json);
        Saved::read(label, &json.to_string()).expect("it is a report")
    }

    fn refused(text: &str) -> String {
        Saved::read("x", text).expect_err(text).to_string()
    }

    #[test]
    fn a_report_is_read_back() {
        let good = saved("good", |_| {});
        assert!(good.has_passed() && good.means_something());
        assert_eq!((good.label(), good.verdict()), ("good", "PASS"));
        assert!(good.command().starts_with("gamekeeper-loadtest run"));
        assert_eq!(good.number("/bots"), Some(10.0));
        assert_eq!(good.number("/survivors/age/p50_ms"), None, "null is no number");
        assert_eq!(good.departures().collect::<Vec<_>>(), [(0, "close")]);
        assert_eq!(good.outcome_of("no ghosts"), Some("passed"));
        assert_eq!(good.outcome_of("no such check"), None);
        let invalid = saved("invalid", |json| json["exit_code"] = json!(4));
        assert!(!invalid.has_passed() && !invalid.means_something());
    }

    #[test]
    fn an_older_report_is_read_too() {
        assert_eq!(saved("old", |json| json["schema"] = json!(1)).number("/schema"), Some(1.0));
    }

    #[test]
    fn what_is_no_report_is_refused_with_the_reason() {
        assert!(refused("seed 1").contains("not JSON (expected value at line 1"));
        assert!(refused("").contains("not JSON"));
        assert!(refused("[]").contains("no proper \"schema\""));
        let unknown = refused("{\"schema\": 3}");
        assert!(unknown.contains("its schema is 3, and this program reads 1 and 2;"), "{unknown}");
        assert!(refused("{\"schema\": \"1\"}").contains("its schema is \"1\""));
        let text = serde_json::to_string(&good_report()).expect("a report is JSON");
        for field in ["verdict", "exit_code", "command", "checks"] {
            let mut json: Value = serde_json::from_str(&text).expect("it is JSON");
            json[field] = Value::Null;
            assert!(refused(&json.to_string()).contains(&format!("no proper \"{field}\"")));
        }
    }
}
