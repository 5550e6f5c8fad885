//! How each field of several reports becomes one.
//!
//! Part of [`merge`](super): values at a path -> **rule** -> value. A test sees to it that every
//! field of a report has a rule. One that does not, because a later program has written it, is left
//! out.

use serde_json::{Map, Number, Value};

use super::{fields, latencies};

/// How the values of one field become one. A field without a rule of its own has that of what it is
/// in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// They add up.
    Sum,
    /// They are counts by name, and those of the same name add up.
    Counts,
    /// The largest.
    Most,
    /// The smallest.
    Least,
    /// Whether it is true of all.
    All,
    /// The value, if it is the same in all.
    Same,
    /// What is there at one time: it adds up if they ran at once; else it is the largest.
    Present,
    /// How long it took: it adds up if they ran one after the other; else it is the longest.
    Lasting,
    /// What the server counts of everybody: it adds up if they ran one after the other. Else each
    /// has counted the others as well, and nobody knows how many.
    Told,
    /// The same, by name.
    ToldCounts,
    /// Rows of a table, which belong together if they are the same in these columns.
    Rows(&'static [&'static str]),
    /// One list behind the other.
    Chain,
    /// It follows from the whole, and [`merge`](super::merge()) sets it.
    Set,
    /// It is left empty: what happened second by second.
    Empty,
}

/// The rules, by the path of the field.
#[rustfmt::skip]
const RULES: &[(&str, Rule)] = {
    use Rule::*;
    &[
        ("schema", Same), ("version", Same), ("command", Set), ("seed", Same),
        ("started_unix_ms", Least), ("bots", Present), ("duration_seconds", Lasting),
        ("run_seconds", Lasting), ("verdict", Set), ("exit_code", Set), ("halted", Set),
        ("invalid", Set), ("checks", Set), ("about", Same),
        ("joins", Sum), ("joins/failed", Counts), ("joins/failed_at", Counts),
        ("causes", Rows(&["departure"])), ("causes/departure", Same), ("causes/planned", Sum),
        ("causes/injected", Sum), ("causes/detected", Counts), ("causes/wrong", Counts),
        ("causes/missed", Sum), ("causes/late", Sum), ("causes/paths", Counts),
        ("causes/deadline_ms", Most), ("causes/ttd", Sum), ("causes/announce", Sum),
        ("not_run", Rows(&["name", "why"])), ("not_run/name", Same), ("not_run/count", Sum),
        ("not_run/why", Same),
        ("controls", Rows(&["manner"])), ("controls/manner", Same), ("controls/bots", Sum),
        ("controls/evicted", Sum),
        ("recoveries", Chain), ("not_injected", Sum),
        ("leaves", Rows(&["reason", "path"])), ("leaves/reason", Same), ("leaves/path", Same),
        ("leaves/count", Told), ("leaves_unexplained", ToldCounts), ("late", Sum),
        ("wrong_evictions", Counts), ("ghosts", Sum),
        ("announcements_repeated", Sum), ("announcements_unknown", Sum),
        ("announcements_false", Sum), ("presences_repeated", Sum),
        ("seats", Sum), ("seats/window_ms", Same), ("seats/awaited", All),
        ("seats/returns/failed", Counts), ("seats/bad_tickets", Counts), ("seats/given_up", Told),
        ("seats/held", Told), ("seats/resumes", ToldCounts), ("seats/replaced", Told),
        ("survivors", Sum), ("everyone", Sum),
        ("server", Told), ("server/version", Same), ("server/cpu_share", Most),
        ("server/tick_seconds", Most), ("server/tick_late_seconds", Most),
        ("server/ledger_balanced", All), ("server/before", Most), ("server/loaded", Most),
        ("server/after", Most), ("server/close_wait", Most),
        ("server/cpu_user_us_per_player_tick", Set), ("server/cpu_system_us_per_player_tick", Set),
        ("generator", Sum), ("generator/processes", Present), ("generator/cpu_share", Most),
        ("generator/cpu_share_all", Most), ("environment", Same),
        ("faults", Empty), ("timeline", Empty), ("headcounts", Empty), ("intervals", Set),
        ("ages", Set), ("input_lags", Set), ("first_states", Set), ("responses", Set),
        ("longest_waits", Set),
    ]
};

/// How fields are put together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// Whether the runs overlapped.
    pub(super) at_once: bool,
}

impl Rules {
    /// Whole reports as one.
    pub(super) fn merged(self, reports: &[&Value]) -> Value {
        self.object("", reports, None)
    }

    fn field(self, path: &str, values: &[&Value], around: Option<Rule>) -> Value {
        if values.iter().all(|value| value.get("samples").is_some()) {
            return latencies(values);
        }
        let Some(rule) = rule_of(path).or(around) else { return Value::Null };
        match rule {
            Rule::Set => Value::Null,
            Rule::Same => same(values),
            Rule::All => values.iter().all(|value| value.as_bool() == Some(true)).into(),
            Rule::Rows(columns) => self.rows(path, values, columns),
            Rule::Chain => elements(values).cloned().collect(),
            Rule::Empty => Value::Array(Vec::new()),
            // What is not known of one run is not known of all of them.
            _ if values.iter().any(|value| value.is_null()) => Value::Null,
            Rule::Counts => self.counts(path, values),
            Rule::ToldCounts if self.at_once => Value::Null,
            Rule::ToldCounts => self.counts(path, values),
            _ if values.iter().all(|value| value.is_object()) => {
                self.object(path, values, Some(rule))
            }
            Rule::Told if self.at_once => Value::Null,
            Rule::Sum | Rule::Told => sum(values),
            Rule::Present if self.at_once => sum(values),
            Rule::Lasting if !self.at_once => sum(values),
            Rule::Least => extreme(values, false),
            Rule::Most | Rule::Present | Rule::Lasting => extreme(values, true),
        }
    }

    fn object(self, path: &str, values: &[&Value], rule: Option<Rule>) -> Value {
        let field = |name: String| {
            let path = below(path, &name);
            let values: Vec<&Value> = values.iter().map(|value| &value[&name]).collect();
            let merged = self.field(&path, &values, rule);
            (name, merged)
        };
        Value::Object(fields(values).into_iter().map(field).collect::<Map<_, _>>())
    }

    /// As an object, but a name that is not there is there zero times.
    fn counts(self, path: &str, values: &[&Value]) -> Value {
        let count = |name: String| {
            let there: Vec<&Value> = values.iter().filter_map(|value| value.get(&name)).collect();
            let merged = match there.iter().all(|value| value.is_object()) {
                true => self.counts(&below(path, &name), &there),
                false => sum(&there),
            };
            (name, merged)
        };
        Value::Object(fields(values).into_iter().map(count).collect::<Map<_, _>>())
    }

    fn rows(self, path: &str, values: &[&Value], columns: &[&str]) -> Value {
        let key = |row: &Value| columns.iter().map(|name| row[name].clone()).collect::<Vec<_>>();
        let mut keys: Vec<Vec<Value>> = Vec::new();
        for row in elements(values) {
            if !keys.contains(&key(row)) {
                keys.push(key(row));
            }
        }
        let together = |wanted: &Vec<Value>| {
            let rows: Vec<&Value> = elements(values).filter(|row| key(row) == *wanted).collect();
            self.object(path, &rows, None)
        };
        keys.iter().map(together).collect()
    }
}

fn rule_of(path: &str) -> Option<Rule> {
    RULES.iter().find(|(name, _)| *name == path).map(|(_, rule)| *rule)
}

fn below(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") }
}

fn elements<'a>(values: &'a [&Value]) -> impl Iterator<Item = &'a Value> {
    values.iter().filter_map(|value| value.as_array()).flatten()
}

fn same(values: &[&Value]) -> Value {
    let first = values.first().copied().unwrap_or(&Value::Null);
    if values.iter().all(|value| *value == first) { first.clone() } else { Value::Null }
}

/// Whole numbers stay whole; nothing if something is no number.
fn sum(values: &[&Value]) -> Value {
    if let Some(whole) = values.iter().map(|value| value.as_i64()).collect::<Option<Vec<_>>>() {
        return whole.iter().sum::<i64>().into();
    }
    let parts: Option<Vec<f64>> = values.iter().map(|value| value.as_f64()).collect();
    number(parts.map(|parts| parts.iter().sum()))
}

fn extreme(values: &[&Value], largest: bool) -> Value {
    let larger = |one: &Value, other: &Value| one.as_f64() > other.as_f64();
    let numbers = values.iter().copied().filter(|value| value.is_number());
    let found =
        numbers.reduce(|one, other| if larger(other, one) == largest { other } else { one });
    found.cloned().unwrap_or_default()
}

fn number(value: Option<f64>) -> Value {
    value.and_then(Number::from_f64).map_or(Value::Null, Value::Number)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The fields of a report that no rule is about.
    pub(in crate::merge) fn without_a_rule(report: &Value) -> Vec<String> {
        let fields = fields(&[report]);
        fields
            .into_iter()
            .filter(|name| {
                let inner = || RULES.iter().any(|(rule, _)| rule.starts_with(&format!("{name}/")));
                rule_of(name).is_none() && !inner()
            })
            .collect()
    }

    #[test]
    fn each_field_has_one_rule() {
        let names: Vec<_> = RULES.iter().map(|(name, _)| *name).collect();
        for (number, name) in names.iter().enumerate() {
            assert!(!names[..number].contains(name), "{name} has two");
        }
    }
}
