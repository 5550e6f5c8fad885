//! The closing table.

use std::fmt;

use crate::report::{
    Cause, LatencySummary, NotRun, ObservedSummary, Outcome, Recovery, Report, ServerSide,
};

/// The longest name of a way of leaving, and a space.
const WIDTH: usize = 27;

/// A report as text for a terminal.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a> {
    /// What to show.
    pub report: &'a Report,
    /// Whether to mark good and bad with colour.
    pub colour: bool,
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.head(f)?;
        self.causes(f)?;
        self.controls(f)?;
        self.seats(f)?;
        self.players(f)?;
        self.recoveries(f)?;
        if let Some(server) = &self.report.server {
            server_side(f, server)?;
        }
        self.generator(f)?;
        self.checks(f)?;
        writeln!(f, "\nreproduce: {}", self.report.command)
    }
}

impl Text<'_> {
    fn head(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = self.report;
        writeln!(f, "seed {}: {}", report.seed, report.command)?;
        let good = report.exit_code == 0;
        writeln!(f, "\nVERDICT  {}", self.paint(report.verdict, good))?;
        if let Some(halted) = &report.halted {
            writeln!(f, "ended early: {halted}")?;
        }
        for why in &report.invalid {
            writeln!(f, "the figures mean nothing: {why}")?;
        }
        let joins = &report.joins;
        let failed: u64 = joins.failed.values().sum();
        writeln!(f, "\njoined {} of {}, {failed} failed", joins.joined, joins.planned)?;
        for (why, count) in &joins.failed {
            writeln!(f, "  {count} x {why}")?;
        }
        line(f, "  connect ms", &joins.connect)?;
        line(f, "  planned to first state ms", &joins.response)?;
        line(f, "  welcome ms", &joins.welcome)
    }

    fn causes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = self.report;
        for (index, NotRun { name, count, why }) in report.not_run.iter().enumerate() {
            let gap = if index == 0 { "\n" } else { "" };
            writeln!(f, "{gap}not run: {count} x {name}, {why}")?;
        }
        if report.causes.is_empty() {
            return Ok(());
        }
        writeln!(
            f,
            "\n{:<WIDTH$}{:>8} {:>8} {:>6} {:>6}  {:<36} {:>26}  {:>26}",
            "LEFT BY",
            "injected",
            "detected",
            "wrong",
            "missed",
            "detected as",
            "detected p50/p99/max ms",
            "told p50/p99/max ms"
        )?;
        for cause in &report.causes {
            cause_line(f, cause)?;
        }
        let sum = |of: fn(&Cause) -> Option<u64>| report.causes.iter().map(of).sum::<Option<u64>>();
        writeln!(
            f,
            "{:<WIDTH$}{:>8} {:>8} {:>6} {:>6}  not carried out {}, late {}",
            "all",
            count(sum(|cause| Some(cause.injected))),
            count(sum(Cause::detected_total)),
            count(sum(Cause::wrong_total)),
            count(sum(|cause| cause.missed)),
            report.not_injected,
            report.late
        )?;
        if report.server.is_none() {
            return writeln!(f, "what the server counted is unknown without --admin");
        }
        let leaves = report.leaves.iter();
        let leaves: Vec<String> = leaves
            .map(|leave| format!("{}/{} {}", leave.reason, leave.path, leave.count))
            .collect();
        writeln!(f, "server counted, by reason/path: {}", none_or(&leaves))?;
        let unexplained = report.leaves_unexplained.iter();
        let unexplained: Vec<String> =
            unexplained.map(|(reason, count)| format!("{reason} {count}")).collect();
        writeln!(f, "leaves that no departure explains: {}", none_or(&unexplained))
    }

    fn controls(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let controls = self.report.controls.iter();
        let controls: Vec<String> =
            controls.map(|it| format!("{} {} of {}", it.manner, it.evicted, it.bots)).collect();
        if controls.is_empty() {
            return Ok(());
        }
        writeln!(f, "\nCONTROLS must survive; evicted: {}", controls.join(", "))
    }

    fn recoveries(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for it in &self.report.recoveries {
            let [noticed, back, steady] = [it.noticed_ms, it.back_ms, it.steady_ms]
                .map(|ms| ms.map_or("never".to_owned(), |ms| format!("after {:.1} s", ms / 1e3)));
            let Recovery { at_seconds, left, returning, back: returned, .. } = it;
            write!(f, "mass event at {at_seconds:.0} s: {left} left, noticed {noticed}")?;
            if *returning > 0 {
                write!(f, ", {returned} of {returning} back {back}")?;
            }
            let worst = millis(it.worst_interval_ms);
            writeln!(f, ", survivors steady {steady}, worst interval {worst} ms")?;
        }
        Ok(())
    }

    fn seats(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seats = &self.report.seats;
        let returns = &seats.returns;
        let Some(window_ms) = seats.window_ms else { return Ok(()) };
        writeln!(f, "\nSEATS are held for {window_ms} ms")?;
        let (given_up, held) = (count(seats.given_up), count(seats.held));
        writeln!(f, "  lost {}, given up {given_up}, still held {held}", seats.lost)?;
        writeln!(
            f,
            "  taken again {} of {} planned, {} of them from an old connection ({} were told so)",
            returns.back, returns.planned, returns.took_over, returns.told_replaced
        )?;
        for (why, count) in &returns.failed {
            writeln!(f, "  {count} x {why}")?;
        }
        line(f, "  welcome back ms", &returns.welcome)?;
        let (resent, lost) = (returns.events_resent, returns.events_lost);
        writeln!(f, "  events sent again {resent}, too old to be kept {lost}")?;
        let shown = seats.bad_tickets.iter();
        let shown: Vec<String> = shown
            .map(|(fault, kind)| format!("{fault} {} of {}", kind.refused, kind.shown))
            .collect();
        writeln!(f, "  bad tickets refused: {}", none_or(&shown))?;
        if seats.resumes.is_none() {
            return Ok(());
        }
        let outcomes = |accepted| {
            let (sum, outcomes) = seats.outcomes(accepted);
            let outcomes: Vec<String> =
                outcomes.iter().map(|(outcome, count)| format!("{outcome} {count}")).collect();
            format!("{sum} ({})", none_or(&outcomes))
        };
        let (accepted, refused) = (outcomes(true), outcomes(false));
        writeln!(f, "  server counted returns: accepted {accepted}, refused {refused}")
    }

    fn players(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = self.report;
        writeln!(
            f,
            "\n{:<15}{:>10} {:>9} {:>9} {:>9} {:>9}",
            "SURVIVORS", "samples", "p50", "p99", "p99.9", "max"
        )?;
        observed(f, &report.survivors)?;
        let wrong: u64 = report.wrong_evictions.values().sum();
        writeln!(f, "wrong evictions {wrong}")?;
        for (why, count) in &report.wrong_evictions {
            writeln!(f, "  {count} x {why}")?;
        }
        let ghosts = &report.ghosts;
        writeln!(
            f,
            "ghosts: {} in rosters, {} in snapshots, {} on the server",
            ghosts.in_rosters,
            ghosts.in_snapshots,
            ghosts.on_the_server.map_or("unknown".to_owned(), |count| count.to_string())
        )?;
        writeln!(
            f,
            "announcements: {} repeated, {} of unknown players, {} false; \
             {} strangers in snapshots",
            report.announcements_repeated + report.presences_repeated,
            report.announcements_unknown,
            report.announcements_false,
            ghosts.strangers_in_snapshots
        )
    }

    fn generator(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (generator, place) = (&self.report.generator, &self.report.environment);
        writeln!(f, "\nGENERATOR")?;
        line(f, "  input lag ms", &generator.input_lag)?;
        line(f, "  order lag ms", &generator.order_lag)?;
        writeln!(
            f,
            "  {} inputs, {} skipped, cpu {} of a core",
            generator.inputs,
            generator.inputs_skipped,
            percent(generator.cpu_share)
        )?;
        if generator.processes > 1 {
            let (processes, all) = (generator.processes, percent(generator.cpu_share_all));
            writeln!(f, "  that is the busiest of {processes} processes of bots; all use {all}")?;
        }
        let built = if place.optimised { "optimised" } else { "NOT optimised" };
        let pinned = if place.pinned { ", the server on a core of its own" } else { "" };
        writeln!(f, "  Linux {}, {} cores{pinned}, {built} build", place.kernel, place.cores)
    }

    fn checks(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\nCHECKS")?;
        for check in &self.report.checks {
            let mark = match check.outcome {
                Outcome::Passed => self.paint("ok  ", true),
                Outcome::Failed => self.paint("FAIL", false),
                Outcome::Skipped => "skip".to_owned(),
            };
            writeln!(f, "  {mark} {:<50} {}", check.name, check.detail)?;
        }
        Ok(())
    }

    fn paint(&self, text: &str, good: bool) -> String {
        match (self.colour, good) {
            (false, _) => text.to_owned(),
            (true, true) => format!("\x1b[32m{text}\x1b[0m"),
            (true, false) => format!("\x1b[1;31m{text}\x1b[0m"),
        }
    }
}

fn cause_line(f: &mut fmt::Formatter<'_>, cause: &Cause) -> fmt::Result {
    let right = cause.detected.iter().flatten();
    let mut detected: Vec<String> =
        right.map(|(reason, count)| format!("{reason} {count}")).collect();
    let wrong = cause.wrong.iter().flatten();
    detected.extend(wrong.map(|(reason, count)| format!("WRONG {reason} {count}")));
    writeln!(
        f,
        "{:<WIDTH$}{:>8} {:>8} {:>6} {:>6}  {:<36} {:>26}  {:>26}",
        cause.departure,
        cause.injected,
        count(cause.detected_total()),
        count(cause.wrong_total()),
        count(cause.missed),
        detected.join(", "),
        three(&cause.ttd),
        three(&cause.announce)
    )
}

/// The median, the 99th percentile and the longest, in milliseconds.
fn three(latency: &LatencySummary) -> String {
    let [p50, p99, max] = [latency.p50_ms, latency.p99_ms, latency.max_ms].map(millis);
    format!("{p50} / {p99} / {max}")
}

fn observed(f: &mut fmt::Formatter<'_>, observed: &ObservedSummary) -> fmt::Result {
    row(f, "interval ms", &observed.interval)?;
    if observed.age.count > 0 {
        row(f, "age ms", &observed.age)?;
    }
    let (snapshots, missed) = (observed.snapshots, observed.missed_ticks);
    let share = (snapshots > 0).then(|| snapshots as f64 / (snapshots + missed) as f64);
    let share = share.map_or("-".to_owned(), |share| format!("{:.3} %", share * 100.0));
    writeln!(f, "snapshots {snapshots}, missed ticks {missed}, delivered {share}")
}

fn server_side(f: &mut fmt::Formatter<'_>, server: &ServerSide) -> fmt::Result {
    writeln!(f, "\nSERVER {}", server.version)?;
    let micros = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.2}"));
    let (user, system) = (server.cpu_user_us_per_player_tick, server.cpu_system_us_per_player_tick);
    writeln!(
        f,
        "  cpu per player-tick: user {} us, system {} us, together {} us; {} of a core",
        micros(user),
        micros(system),
        micros(user.zip(system).map(|(user, system)| user + system)),
        percent(server.cpu_share)
    )?;
    writeln!(
        f,
        "  player-ticks {}, ticks missed {}, snapshots sent {}, skipped for slow readers {}",
        count(server.player_ticks),
        count(server.ticks_missed),
        count(server.snapshots_sent),
        count(server.snapshots_skipped)
    )?;
    for (name, quantiles) in
        [("tick takes", server.tick_seconds), ("tick is late by", server.tick_late_seconds)]
    {
        let Some(seconds) = quantiles else { continue };
        writeln!(
            f,
            "  {name}: p50 {:.3} ms, p99 {:.3} ms, p99.9 {:.3} ms, max {:.3} ms",
            seconds.p50 * 1e3,
            seconds.p99 * 1e3,
            seconds.p999 * 1e3,
            seconds.max * 1e3
        )?;
    }
    let held =
        [("before", Some(server.before)), ("loaded", server.loaded), ("after", server.after)];
    for (name, resources) in held {
        let Some(held) = resources else { continue };
        writeln!(
            f,
            "  {name:<6}  rss {:.1} MiB, descriptors {}, players {}, away {}, rooms {}, \
             connections {}",
            held.rss_bytes as f64 / 1024.0 / 1024.0,
            held.open_fds,
            held.players,
            held.players_away,
            held.rooms,
            held.connections
        )?;
    }
    Ok(())
}

fn row(f: &mut fmt::Formatter<'_>, name: &str, latency: &LatencySummary) -> fmt::Result {
    writeln!(
        f,
        "{name:<15}{:>10} {:>9} {:>9} {:>9} {:>9}",
        latency.count,
        millis(latency.p50_ms),
        millis(latency.p99_ms),
        millis(latency.p999_ms),
        millis(latency.max_ms)
    )
}

fn line(f: &mut fmt::Formatter<'_>, name: &str, latency: &LatencySummary) -> fmt::Result {
    writeln!(
        f,
        "{name}: p50 {}, p99 {}, max {}",
        millis(latency.p50_ms),
        millis(latency.p99_ms),
        millis(latency.max_ms)
    )
}

fn millis(value: Option<f64>) -> String {
    value.map_or("-".to_owned(), |value| format!("{value:.2}"))
}

fn count(value: Option<u64>) -> String {
    value.map_or("?".to_owned(), |value| value.to_string())
}

fn percent(share: Option<f64>) -> String {
    share.map_or("-".to_owned(), |share| format!("{:.0} %", share * 100.0))
}

fn none_or(items: &[String]) -> String {
    if items.is_empty() { "none".to_owned() } else { items.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::good_report;

    #[test]
    fn outcomes_of_returns_are_sorted_into_two() {
        let mut report = good_report();
        let outcomes = [("resumed", 5), ("taken_over", 2), ("expired", 1), ("forged", 0)];
        let outcomes = outcomes.map(|(outcome, count)| (outcome.to_owned(), count));
        report.seats.resumes = Some(outcomes.into_iter().collect());
        let text = Text { report: &report, colour: false }.to_string();
        for wanted in [
            "SEATS are held for 2000 ms\n  lost 10, given up 10, still held 0\n",
            "accepted 7 (resumed 5, taken_over 2), refused 1 (expired 1)",
        ] {
            assert!(text.contains(wanted), "{wanted} is missing in\n{text}");
        }
        report.seats.resumes = None;
        let text = Text { report: &report, colour: false }.to_string();
        assert!(!text.contains("counted returns"), "this server does not say");
    }

    /// Everything that a reader looks for is there, beginning with the seed and ending with the
    /// command that does the same again.
    #[test]
    fn the_table_shows_the_run_from_seed_to_command() {
        let report = good_report();
        let text = Text { report: &report, colour: false }.to_string();
        assert!(text.starts_with("seed 1: gamekeeper-loadtest run"), "{text}");
        assert!(text.trim_end().lines().last().is_some_and(|line| line.ends_with("--seed 1")));
        for wanted in [
            "VERDICT  PASS",
            "joined 20 of 20",
            "close                            10       10      0      0  fin 10",
            "wrong evictions 0",
            "cpu per player-tick",
            "descriptors 10",
        ] {
            assert!(text.contains(wanted), "{wanted} is missing in\n{text}");
        }
        assert!(!text.contains('\x1b'), "no colour unless asked for");
        assert!(Text { report: &report, colour: true }.to_string().contains("\x1b[32mPASS"));
    }

    #[test]
    fn the_json_names_its_schema() {
        let json = crate::render::json(&good_report()).expect("a report is JSON");
        assert!(json.contains("\"schema\": 2") && json.contains("\"verdict\": \"PASS\""));
        assert!(json.ends_with("}\n"));
    }
}
