//! Where the figures of thresholds come from.
//!
//! Part of [`threshold`](super): threshold + report, evidence -> **figure** -> check.

use gamekeeper_bot::{
    departure::Departure,
    fleet::{FleetStats, Latency},
};

use super::{Kind, Selects, Statistic, Threshold};
use crate::{
    admin::Quantiles,
    evidence::Evidence,
    matching::Tally,
    report::{Check, Outcome, Report},
};

/// What a run has found.
#[derive(Clone, Copy, Debug)]
pub struct Figures<'a> {
    /// What is shown of it.
    pub report: &'a Report,
    /// What was seen.
    pub evidence: &'a Evidence,
    /// What the bots measured, in all phases.
    pub stats: &'a FleetStats,
}

/// A figure, or why there is none.
#[derive(Clone, Debug, PartialEq)]
enum Figure {
    /// It, and of how many samples.
    Is(f64, Option<u64>),
    /// There is nothing that it could be of.
    NoSamples,
    /// It was not tried.
    NotRun(String),
    /// The server does not say what would be needed.
    Unknown,
}

impl Figures<'_> {
    /// Whether a threshold holds.
    pub fn check(&self, threshold: &Threshold) -> Check {
        let (outcome, detail) = match self.figure(threshold) {
            Figure::Is(figure, samples) => {
                let passed = threshold.holds(figure);
                let outcome = if passed { Outcome::Passed } else { Outcome::Failed };
                let of = samples.map_or(String::new(), |count| format!(" of {count} samples"));
                (outcome, format!("{}{of}", shown(threshold.metric.kind, figure)))
            }
            Figure::NoSamples => (Outcome::Failed, "there were no samples".to_owned()),
            Figure::NotRun(why) => (Outcome::Skipped, format!("not run: {why}")),
            Figure::Unknown => (Outcome::Failed, "the server does not say".to_owned()),
        };
        Check { name: threshold.to_string().into(), outcome, detail }
    }

    fn figure(&self, threshold: &Threshold) -> Figure {
        let report = self.report;
        if let Some(of) = &threshold.of
            && let Some(not_run) = report.not_run.iter().find(|it| it.name == of)
            && !self.was_tried(threshold, of)
        {
            return Figure::NotRun(not_run.why.clone());
        }
        let sum = |all: &mut dyn Iterator<Item = u64>| Figure::count(all.sum());
        match threshold.metric.name {
            "ttd" => self
                .of_causes(threshold, |tally| sample(&tally.time_to_detect, threshold.statistic)),
            "missed" => self.of_causes(threshold, |tally| Figure::count(tally.missed)),
            "wrong_reasons" => {
                self.of_causes(threshold, |tally| Figure::count(tally.wrong.values().sum::<u64>()))
            }
            "late" => self.of_causes(threshold, |tally| Figure::count(tally.late)),
            "announce" => sample(&self.announced(threshold), threshold.statistic),
            "not_carried_out" => {
                let causes = report.causes.iter();
                Figure::count(causes.map(|it| it.planned.saturating_sub(it.injected)).sum())
            }
            "wrong_evictions" => sum(&mut report.wrong_evictions.values().copied()),
            "controls_evicted" => {
                let wanted = |manner: &str| threshold.of.as_ref().is_none_or(|of| of == manner);
                let mut controls = report.controls.iter().filter(|it| wanted(it.manner)).peekable();
                match controls.peek() {
                    None => Figure::NoSamples,
                    Some(_) => sum(&mut controls.map(|it| it.evicted)),
                }
            }
            "unexplained" if self.evidence.ledger.is_none() => Figure::Unknown,
            "unexplained" => sum(&mut report.leaves_unexplained.values().copied()),
            "ghosts" => {
                let ghosts = &report.ghosts;
                let on_the_server = ghosts.on_the_server.unwrap_or(0).unsigned_abs();
                Figure::count(ghosts.in_rosters + ghosts.in_snapshots + on_the_server)
            }
            "survivors.interval" => {
                sample(&self.evidence.run.survivors.interval, threshold.statistic)
            }
            "survivors.age" => sample(&self.evidence.run.survivors.age, threshold.statistic),
            "survivors.missed" => {
                let (seen, missed) = (report.survivors.snapshots, report.survivors.missed_ticks);
                share(missed, seen + missed)
            }
            "joins.connect" => sample(&self.stats.connect_time, threshold.statistic),
            "joins.welcome" => sample(&self.stats.welcome_time, threshold.statistic),
            "joins.back" => sample(&self.stats.resume_time, threshold.statistic),
            "joins.failed" => sum(&mut report.joins.failed.values().copied()),
            "recovery" => self.recovery(),
            "generator.lag" => sample(&self.evidence.run.input_lag, threshold.statistic),
            of_the_server => self.of_the_server(of_the_server, threshold.statistic),
        }
    }

    fn of_the_server(&self, name: &str, statistic: Statistic) -> Figure {
        let Some(server) = &self.report.server else { return Figure::Unknown };
        let more = |of: fn(&crate::report::Resources) -> u64| match &server.after {
            Some(after) => {
                let more = of(after).saturating_sub(of(&server.before));
                Figure::Is(more as f64, None)
            }
            None => Figure::Unknown,
        };
        let quantile = |of: Option<Quantiles>| match of {
            Some(seconds) => Figure::Is(1e3 * pick(seconds, statistic), None),
            None => Figure::Unknown,
        };
        match name {
            "server.tick" => quantile(server.tick_seconds),
            "server.tick_late" => quantile(server.tick_late_seconds),
            "server.cpu_per_player_tick" => {
                let parts =
                    server.cpu_user_us_per_player_tick.zip(server.cpu_system_us_per_player_tick);
                parts.map_or(Figure::Unknown, |(user, system)| Figure::Is(user + system, None))
            }
            "leaks.descriptors" => more(|it| it.open_fds),
            "leaks.rss" => more(|it| it.rss_bytes),
            "leaks.close_wait" => self
                .evidence
                .close_wait
                .map_or(Figure::Unknown, |count| Figure::count(count as u64)),
            unknown => unreachable!("the table of metrics has a row for {unknown}"),
        }
    }

    /// A figure of all departures that are meant.
    fn of_causes(&self, threshold: &Threshold, of: impl Fn(&Tally) -> Figure) -> Figure {
        let Some(tallies) = self.evidence.tallies() else { return Figure::Unknown };
        let mut all = Tally::default();
        let meant = |departure: Departure| {
            threshold.of.as_ref().is_none_or(|name| name == departure.name())
        };
        for (_, tally) in tallies.iter().filter(|((departure, _), _)| meant(*departure)) {
            all.merge(tally);
        }
        if all.injected == 0 { Figure::NoSamples } else { of(&all) }
    }

    fn announced(&self, threshold: &Threshold) -> Latency {
        let mut all = Latency::default();
        for (departure, latency) in &self.evidence.announce {
            if threshold.of.as_ref().is_none_or(|name| name == departure.name()) {
                all.merge(latency);
            }
        }
        all
    }

    fn recovery(&self) -> Figure {
        let recoveries = &self.report.recoveries;
        if recoveries.is_empty()
            && let Some(not_run) = self.report.not_run.first()
        {
            return Figure::NotRun(not_run.why.clone());
        }
        // Without a whole second before it nobody knows what it should be as.
        if recoveries.is_empty() || recoveries.iter().any(|it| it.before_ms.is_none()) {
            return Figure::NoSamples;
        }
        let complete: Option<Vec<f64>> = recoveries.iter().map(|it| it.complete_ms()).collect();
        match complete {
            // What never came is later than any limit.
            None => Figure::Is(f64::INFINITY, None),
            Some(all) => Figure::Is(all.into_iter().fold(0.0, f64::max), None),
        }
    }

    /// Whether there is something of it all the same: in another state, perhaps.
    fn was_tried(&self, threshold: &Threshold, of: &str) -> bool {
        match threshold.metric.selects {
            Selects::Cause => self.evidence.injections.iter().any(|it| it.departure.name() == of),
            Selects::Manner => self.report.controls.iter().any(|it| it.manner == of),
            Selects::Nothing => true,
        }
    }
}

impl Figure {
    fn count(count: u64) -> Self {
        Self::Is(count as f64, None)
    }
}

fn sample(latency: &Latency, statistic: Statistic) -> Figure {
    let figure = match statistic {
        Statistic::P50 => latency.quantile(0.5),
        Statistic::P99 => latency.quantile(0.99),
        Statistic::P999 => latency.quantile(0.999),
        Statistic::Max | Statistic::Value => latency.max(),
    };
    match figure {
        Some(figure) => Figure::Is(figure.as_secs_f64() * 1e3, Some(latency.count())),
        None => Figure::NoSamples,
    }
}

fn pick(quantiles: Quantiles, statistic: Statistic) -> f64 {
    match statistic {
        Statistic::P50 => quantiles.p50,
        Statistic::P99 => quantiles.p99,
        Statistic::P999 => quantiles.p999,
        Statistic::Max | Statistic::Value => quantiles.max,
    }
}

fn share(part: u64, whole: u64) -> Figure {
    if whole == 0 {
        return Figure::NoSamples;
    }
    Figure::Is(part as f64 / whole as f64, Some(whole))
}

fn shown(kind: Kind, figure: f64) -> String {
    match kind {
        _ if figure.is_infinite() => "never".to_owned(),
        Kind::Samples | Kind::Millis => format!("{figure:.2} ms"),
        Kind::Micros => format!("{figure:.2} us"),
        Kind::Count => format!("{figure:.0}"),
        Kind::Share => format!("{:.4} %", figure * 100.0),
        Kind::MiB => format!("{:.1} MiB", figure / 1_048_576.0),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        report::tests::good,
        threshold::{METRICS, Statistic},
    };

    /// What becomes of a demand when the evidence is changed.
    fn outcome(demand: &str, change: impl FnOnce(&mut Evidence)) -> (Outcome, String) {
        let (mut options, plan, mut evidence) = good();
        options.thresholds = vec![demand.parse().expect("a threshold")];
        change(&mut evidence);
        let report = Report::new(&options, &plan, &evidence);
        let check = report.checks.last().expect("the threshold is the last").clone();
        assert_eq!(check.name, demand);
        (check.outcome, check.detail)
    }

    #[test]
    fn a_figure_decides() {
        let quick = |evidence: &mut Evidence| {
            for injection in &mut evidence.injections {
                injection.noticed_by.0 = u64::MAX;
            }
            let ledger = evidence.ledger.as_mut().expect("the server says");
            for entry in &mut ledger.entries {
                entry.at.0 = 5_000_000;
            }
        };
        let (passed, detail) = outcome("ttd{cause:close} p99<100ms", quick);
        assert_eq!(passed, Outcome::Passed);
        assert!(detail.starts_with("5.0") && detail.ends_with("ms of 10 samples"), "{detail}");
        assert_eq!(outcome("ttd p99<1ms", quick).0, Outcome::Failed);
        assert_eq!(outcome("missed{cause:close} ==0", |_| {}).0, Outcome::Passed);
        let lost = |evidence: &mut Evidence| {
            evidence.ledger.as_mut().expect("the server says").entries.remove(0);
        };
        assert_eq!(outcome("missed{cause:close} ==0", lost), (Outcome::Failed, "1".to_owned()));
    }

    /// Nothing passes because nothing was looked at.
    #[test]
    fn without_samples_it_fails() {
        for demand in [
            "ttd{cause:reset} p99<1s",
            "missed{cause:reset} ==0",
            "controls_evicted ==0",
            "controls_evicted{manner:loss} ==0",
            "survivors.age p99<1s",
            "joins.back p99<1s",
            "recovery <5s",
        ] {
            let (failed, detail) = outcome(demand, |_| {});
            assert_eq!((failed, detail.as_str()), (Outcome::Failed, "there were no samples"));
        }
        let deaf = |evidence: &mut Evidence| evidence.ledger = None;
        assert_eq!(outcome("ttd p99<1s", deaf).1, "the server does not say");
    }

    #[test]
    fn what_could_not_be_tried_is_neither_passed_nor_failed() {
        let (mut options, mut plan, evidence) = good();
        plan.not_run.insert(Departure::Vanish, (3, "no blessing".to_owned()));
        options.thresholds = vec!["ttd{cause:vanish} p99<1s".parse().expect("a threshold")];
        let report = Report::new(&options, &plan, &evidence);
        let check = report.checks.last().expect("the threshold is the last");
        assert_eq!(
            (check.outcome, check.detail.as_str()),
            (Outcome::Skipped, "not run: no blessing")
        );
        assert_eq!(report.exit_code, 0);
    }

    /// Each row of the table leads to a figure, or to a reason why there is none.
    #[test]
    fn every_metric_can_be_looked_up() {
        let (options, plan, mut evidence) = good();
        evidence.run.survivors.interval.record(Duration::from_millis(50));
        let stats = evidence.run.clone();
        let report = Report::new(&options, &plan, &evidence);
        let figures = Figures { report: &report, evidence: &evidence, stats: &stats };
        let without = METRICS.iter().filter(|metric| {
            let demand = match metric.kind {
                Kind::Samples => "p99<1s",
                Kind::Millis => "<1s",
                Kind::Micros => "<1us",
                Kind::Count => "<1",
                Kind::Share => "<1%",
                Kind::MiB => "<1MiB",
            };
            let threshold = Threshold::new(metric.name, demand).expect(metric.name);
            assert_eq!(threshold.statistic == Statistic::Value, metric.kind != Kind::Samples);
            !matches!(figures.figure(&threshold), Figure::Is(..))
        });
        let without: Vec<&str> = without.map(|metric| metric.name).collect();
        // In this run nobody came back, connected or was announced, nothing happened at once, and
        // no tick passed.
        let (bots, server) =
            (["announce", "controls_evicted", "survivors.age"], ["server.cpu_per_player_tick"]);
        let joins = ["joins.connect", "joins.welcome", "joins.back", "recovery"];
        assert_eq!(without, [&bots[..], &joins, &server].concat());
    }
}
