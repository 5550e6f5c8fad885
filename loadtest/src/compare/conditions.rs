//! What makes two runs comparable: the same load on the same machine.
//!
//! Data flow: two reports -> **differences** -> warnings above the table.
//!
//! The server itself may differ, and so may its program's file: that is what one compares.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::saved::Saved;

/// What must be the same, and where it is in a report.
const CONDITIONS: [(&str, &str); 10] = [
    ("bots", "/bots"),
    ("duration in seconds", "/duration_seconds"),
    ("seed", "/seed"),
    ("kernel", "/environment/kernel"),
    ("cores", "/environment/cores"),
    ("transport", "/environment/transport"),
    ("pinned", "/environment/pinned"),
    ("optimised build", "/environment/optimised"),
    ("version of the load test", "/version"),
    ("schema of the report", "/schema"),
];

/// Options of the command that are conditions already, or that may differ.
const LEFT_OUT: [&str; 6] = ["bots", "duration", "seed", "pin", "server-bin", "transport"];

/// What stands in the place of a condition that is not known.
const NOTHING: &str = "nothing";

/// What differs between two runs, apart from what they measured.
pub fn differences(a: &Saved, b: &Saved) -> Vec<String> {
    let mut differences = Vec::new();
    for (name, path) in CONDITIONS {
        let [a, b] = [a, b].map(|report| report.json().pointer(path).map_or(NOTHING.into(), word));
        differences.extend(difference(name, &a, &b));
    }
    let (a, b) = (options(a.command()), options(b.command()));
    let mut names: Vec<&String> = a.keys().chain(b.keys()).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let [a, b] = [&a, &b].map(|options| options.get(name).map_or(NOTHING, String::as_str));
        differences.extend(difference(name, a, b));
    }
    differences
}

fn difference(name: &str, a: &str, b: &str) -> Option<String> {
    (a != b).then(|| format!("not the same: {name} {a} and {b}"))
}

fn word(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Null => NOTHING.to_owned(),
        value => value.to_string(),
    }
}

/// The options in a command by their names, with everything behind `--` as one.
fn options(command: &str) -> BTreeMap<String, String> {
    let mut options = BTreeMap::new();
    let (own, server) = command.split_once(" -- ").unwrap_or((command, ""));
    let mut name = None;
    for word in own.split_whitespace() {
        if let Some(option) = word.strip_prefix("--") {
            options.insert(option.to_owned(), String::new());
            name = Some(option);
        } else if let Some(value) = name.and_then(|name| options.get_mut(name)) {
            *value += if value.is_empty() { "" } else { " " };
            *value += word;
        }
    }
    options.retain(|name, _| !LEFT_OUT.contains(&name.as_str()));
    if !server.is_empty() {
        options.insert("arguments of the server".to_owned(), server.to_owned());
    }
    options
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::saved::tests::saved;

    #[test]
    fn the_same_conditions_need_no_warning() {
        let other_program = |json: &mut Value| {
            json["command"] = format!(
                "{} --server-bin /tmp/other server",
                json["command"].as_str().expect("a command")
            )
            .into();
            json["server"]["version"] = "9.9.9".into();
        };
        assert!(differences(&saved("a", |_| {}), &saved("b", other_program)).is_empty());
    }

    #[test]
    fn each_condition_that_differs_is_named_with_both_values() {
        for (path, value, wanted) in [
            ("/bots", json!(1000), "bots 10 and 1000"),
            ("/duration_seconds", json!(5.0), "duration in seconds 10.0 and 5.0"),
            ("/seed", json!(2), "seed 1 and 2"),
            ("/environment/kernel", json!(null), "and nothing"),
            ("/environment/cores", json!(64), "and 64"),
            ("/environment/transport", json!("ws"), "transport tcp and ws"),
            ("/environment/pinned", json!(true), "pinned no and yes"),
            ("/version", json!("0.0.1"), "and 0.0.1"),
            ("/schema", json!(1), "schema of the report 2 and 1"),
        ] {
            let other = saved("b", |json| *json.pointer_mut(path).expect(path) = value);
            let found = differences(&saved("a", |_| {}), &other);
            assert!(found.len() == 1 && found[0].ends_with(wanted), "{wanted}: {found:?}");
        }
    }

    #[test]
    fn the_load_is_in_the_command() {
        let run = |command: &str| {
            saved(command, |json| json["command"] = format!("gamekeeper-loadtest {command}").into())
        };
        let a = run("run --churn 10/s --bots 5 --game arena -- --tick-hz 20");
        let b = run("run --churn 20/s --bots 6 --target 127.0.0.1:1");
        let wanted = [
            "not the same: arguments of the server --tick-hz 20 and nothing",
            "not the same: churn 10/s and 20/s",
            "not the same: game arena and nothing",
            "not the same: target nothing and 127.0.0.1:1",
        ];
        assert_eq!(differences(&a, &b), wanted);
    }
}
