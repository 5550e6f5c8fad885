//! Reading thresholds.
//!
//! Part of [`threshold`](super): text -> **`Threshold`**.

use std::fmt;

use gamekeeper_bot::{
    fleet::Latency,
    units::{parse_duration, parse_share},
};

use super::{Comparison, Kind, METRICS, Metric, Selects, Statistic, Threshold};

/// A name that is so many edits away from another one may be meant as that.
const EDITS_MAX: usize = 2;

/// Divides `ttd{cause:close} p99<1s` before the demand.
pub(super) fn split(text: &str) -> Result<(&str, &str), ThresholdError> {
    let text = text.trim();
    let name_end = match text.find('{') {
        Some(open) => text[open..].find('}').map(|close| open + close + 1).ok_or_else(|| {
            error(text, "the selector does not end; write it as {cause:close}".to_owned())
        })?,
        None => text.find(|c: char| c.is_whitespace() || "<>=".contains(c)).unwrap_or(text.len()),
    };
    let (metric, demand) = text.split_at(name_end);
    if metric.is_empty() || demand.trim().is_empty() {
        return Err(error(text, "it is incomplete".to_owned()));
    }
    Ok((metric, demand))
}

/// Reads both parts.
pub(super) fn threshold(name: &str, demand: &str) -> Result<Threshold, ThresholdError> {
    let whole = format!("{} {}", name.trim(), demand.trim());
    let wrong = |why: String| error(&whole, why);
    let (name, selector) = match name.trim().split_once('{') {
        Some((name, rest)) => {
            let selector = rest.strip_suffix('}').ok_or_else(|| {
                wrong("the selector does not end; write it as {cause:close}".to_owned())
            })?;
            (name, Some(selector))
        }
        None => (name.trim(), None),
    };
    let metric = METRICS.iter().find(|metric| metric.name == name);
    let metric = metric.ok_or_else(|| wrong(unknown(name)))?;
    let of = selector.map(|text| select(metric, text)).transpose().map_err(wrong)?;
    let (statistic, comparison, limit_text) = take_apart(metric, demand).map_err(wrong)?;
    let limit = limit(metric.kind, limit_text).map_err(wrong)?;
    let limit_text = limit_text.to_owned();
    Ok(Threshold { metric, of, statistic, comparison, limit, limit_text })
}

fn unknown(name: &str) -> String {
    let near =
        METRICS.iter().find(|metric| strsim::damerau_levenshtein(metric.name, name) <= EDITS_MAX);
    match near {
        Some(metric) => format!("there is no metric {name}; did you mean {}?", metric.name),
        None => {
            let names: Vec<&str> = METRICS.iter().map(|metric| metric.name).collect();
            format!("there is no metric {name}; the metrics are {}", names.join(", "))
        }
    }
}

fn select(metric: &Metric, text: &str) -> Result<String, String> {
    let Some(key) = metric.selects.key() else {
        return Err(format!("{} takes no selector", metric.name));
    };
    let name = text.split_once(':').filter(|(given, _)| given.trim() == key);
    let (_, name) = name.ok_or_else(|| {
        format!(
            "{} is selected by {key}, as in {}{{{key}:{}}}",
            metric.name,
            metric.name,
            one(metric.selects)
        )
    })?;
    let names = metric.selects.names();
    if !names.contains(&name.trim()) {
        return Err(format!("there is no {key} {}; there are {}", name.trim(), names.join(", ")));
    }
    Ok(name.trim().to_owned())
}

fn one(selects: Selects) -> &'static str {
    selects.names().first().copied().unwrap_or("")
}

fn take_apart<'a>(
    metric: &Metric,
    demand: &'a str,
) -> Result<(Statistic, Comparison, &'a str), String> {
    let demand = demand.trim();
    let sign = Comparison::ALL
        .into_iter()
        .filter_map(|comparison| Some((demand.find(comparison.sign())?, comparison)))
        // Of those that stand at the same place, the first in the table is the longer one.
        .min_by_key(|(place, _)| *place);
    let Some((place, comparison)) = sign else {
        return Err("there is no comparison; write <, <=, ==, >= or >".to_owned());
    };
    let (statistic, limit) = (demand[..place].trim(), &demand[place + comparison.sign().len()..]);
    let statistic = match metric.kind {
        Kind::Samples => Statistic::OF_SAMPLES
            .into_iter()
            .find(|known| known.name() == statistic)
            .ok_or_else(|| format!("{} needs one of p50, p99, p99.9, max", metric.name))?,
        _ if statistic.is_empty() => Statistic::Value,
        _ => return Err(format!("{} is one figure and has no {statistic}", metric.name)),
    };
    Ok((statistic, comparison, limit.trim()))
}

fn limit(kind: Kind, text: &str) -> Result<f64, String> {
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
    match kind {
        Kind::Samples | Kind::Millis => {
            let limit = parse_duration(text).map_err(|error| error.to_string())?;
            if kind == Kind::Samples && limit > Latency::LONGEST {
                let longest = Latency::LONGEST;
                return Err(format!(
                    "{text} is too long: what takes longer than {longest:?} is counted as that"
                ));
            }
            Ok(limit.as_secs_f64() * 1e3)
        }
        Kind::Micros => text
            .strip_suffix("us")
            .and_then(number)
            .ok_or_else(|| format!("\"{text}\" is not a time such as 9.5us")),
        Kind::Count => number(text).ok_or_else(|| format!("\"{text}\" is not a number")),
        // A number alone might be meant as a percentage, so it must be written as one.
        Kind::Share if text.ends_with('%') => parse_share(text).map_err(|error| error.to_string()),
        Kind::Share => Err(format!("\"{text}\" is not a share such as 0.1%")),
        Kind::MiB => text
            .strip_suffix("MiB")
            .and_then(number)
            .map(|mib| mib * 1_048_576.0)
            .filter(|bytes| bytes.is_finite())
            .ok_or_else(|| format!("\"{text}\" is not an amount of memory such as 8MiB")),
    }
}

fn error(text: &str, why: String) -> ThresholdError {
    ThresholdError { text: text.to_owned(), why }
}

/// A text that is not a threshold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThresholdError {
    text: String,
    why: String,
}

impl fmt::Display for ThresholdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\" is not a threshold such as ttd{{cause:close}} p99<1s: ", self.text)?;
        f.write_str(&self.why)
    }
}

impl std::error::Error for ThresholdError {}
