//! The counters as Prometheus text, version 0.0.4.

use std::fmt::{self, Write as _};

use crate::{
    client::leave::{LeavePath, LeaveReason},
    hub::Hub,
    metrics::{AcceptOutcome, Farewell, ProcessStats, ResumeOutcome, TimeHistogram},
};

/// Upper ends of the histogram buckets, in microseconds.
pub(super) const BUCKETS_MICROS: [u64; 12] =
    [100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000];

/// Everything that is counted.
pub fn prometheus(hub: &Hub, process: &ProcessStats) -> String {
    let mut page = Page { text: String::with_capacity(8 * 1024) };
    connections(&mut page, hub);
    games(&mut page, hub);
    let metrics = hub.metrics();
    page.head("bytes_total", "counter", "Bytes of game connections.");
    page.sample("bytes_total", "direction=\"in\"", metrics.bytes_in);
    page.sample("bytes_total", "direction=\"out\"", metrics.bytes_out);
    page.one(
        "events_stale_total",
        "counter",
        "Poll events for connections already gone.",
        metrics.events_stale,
    );
    page.one("turns_total", "counter", "Turns of the event loop.", metrics.turns);
    page.one("pauses_total", "counter", "Times the server itself did not run.", metrics.pauses);
    page.one("open_fds", "gauge", "Open descriptors of the process.", process.open_fds);
    page.one("resident_memory_bytes", "gauge", "Memory of the process in RAM.", process.rss_bytes);
    page.head("cpu_seconds_total", "counter", "CPU time of the process.");
    page.sample("cpu_seconds_total", "mode=\"user\"", process.cpu_user_seconds);
    page.sample("cpu_seconds_total", "mode=\"system\"", process.cpu_system_seconds);
    page.text
}

fn connections(page: &mut Page, hub: &Hub) {
    let (metrics, population) = (hub.metrics(), hub.population());
    page.head("connections", "gauge", "Open game connections by what they are doing.");
    page.sample("connections", "state=\"handshake\"", population.handshake);
    page.sample("connections", "state=\"playing\"", population.playing);
    page.sample("connections", "state=\"lingering\"", population.lingering);
    page.head("accept_total", "counter", "What became of each accept.");
    for (outcome, count) in AcceptOutcome::LABELS.iter().zip(metrics.accepts) {
        page.sample("accept_total", &format!("outcome=\"{outcome}\""), count);
    }
    page.one(
        "accepted_total",
        "counter",
        "Connections taken in; equals live plus all leaves.",
        metrics.accepted,
    );
    page.head("leaves_total", "counter", "Connections ended, by why and how it was learnt.");
    for (reason, by_path) in LeaveReason::LABELS.iter().zip(&metrics.leaves) {
        for (path, count) in LeavePath::LABELS.iter().zip(by_path) {
            // All pairs, zeros too: a rate needs to see the step from 0 to 1.
            let labels = format!("reason=\"{reason}\",path=\"{path}\"");
            page.sample("leaves_total", &labels, count);
        }
    }
    page.head("farewells_total", "counter", "Lingering closes by how they ended.");
    for (outcome, count) in Farewell::LABELS.iter().zip(metrics.farewells) {
        page.sample("farewells_total", &format!("outcome=\"{outcome}\""), count);
    }
    page.one(
        "late_reasons_total",
        "counter",
        "Second reasons for a connection; the first counts.",
        metrics.late_reasons,
    );
    page.one(
        "ledger_balanced",
        "gauge",
        "1 if accepted equals live plus all leaves.",
        u8::from(hub.ledger_balances()),
    );
}

fn games(page: &mut Page, hub: &Hub) {
    let metrics = hub.metrics();
    page.one("players", "gauge", "Players with a seat and a connection.", hub.lobby().players());
    page.one(
        "players_away",
        "gauge",
        "Players without a connection whose seat is held.",
        hub.lobby().players_away(),
    );
    page.head("resumes_total", "counter", "Attempts to take a seat again, by outcome.");
    for (outcome, count) in ResumeOutcome::LABELS.iter().zip(metrics.resumes) {
        page.sample("resumes_total", &format!("outcome=\"{outcome}\""), count);
    }
    page.one(
        "seats_given_up_total",
        "counter",
        "Held seats whose player did not come back in time.",
        metrics.seats_given_up,
    );
    page.histogram(
        "stall_seconds",
        "How long players were silent that were shown as stalled and then heard again.",
        &metrics.silences,
    );
    page.one("rooms", "gauge", "Rooms.", hub.lobby().rooms().len());
    page.one("ticks_total", "counter", "Ticks of all rooms.", metrics.ticks);
    page.one(
        "ticks_missed_total",
        "counter",
        "Ticks left out because the server was late.",
        metrics.ticks_missed,
    );
    page.one(
        "player_ticks_total",
        "counter",
        "Sum over all ticks of the players in the room.",
        metrics.player_ticks,
    );
    page.histogram("tick_seconds", "Time that a tick took.", &metrics.tick_time);
    page.histogram("tick_late_seconds", "Time by which a tick began late.", &metrics.tick_late);
    page.one("snapshots_total", "counter", "Snapshots queued for a client.", metrics.snapshots);
    page.one(
        "snapshots_skipped_total",
        "counter",
        "Snapshots replaced before they were written.",
        metrics.snapshots_skipped,
    );
    page.one("inputs_total", "counter", "Inputs that reached a game.", metrics.inputs);
    page.one(
        "inputs_dropped_total",
        "counter",
        "Inputs beyond a player's share of a tick.",
        metrics.inputs_dropped,
    );
}

struct Page {
    text: String,
}

impl Page {
    fn line(&mut self, line: fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = self.text.write_fmt(line);
        self.text.push('\n');
    }

    fn head(&mut self, name: &str, kind: &str, help: &str) {
        self.line(format_args!("# HELP gamekeeper_{name} {help}"));
        self.line(format_args!("# TYPE gamekeeper_{name} {kind}"));
    }

    fn sample(&mut self, name: &str, labels: &str, value: impl fmt::Display) {
        self.line(format_args!("gamekeeper_{name}{{{labels}}} {value}"));
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: impl fmt::Display) {
        self.head(name, kind, help);
        self.line(format_args!("gamekeeper_{name} {value}"));
    }

    #[expect(clippy::cast_precision_loss, reason = "bucket ends are far below 2^53")]
    fn histogram(&mut self, name: &str, help: &str, histogram: &TimeHistogram) {
        self.head(name, "histogram", help);
        for micros in BUCKETS_MICROS {
            let (end, count) = (micros as f64 / 1e6, histogram.count_up_to(micros));
            self.line(format_args!("gamekeeper_{name}_bucket{{le=\"{end}\"}} {count}"));
        }
        let (count, sum) = (histogram.count(), histogram.sum_seconds());
        self.line(format_args!("gamekeeper_{name}_bucket{{le=\"+Inf\"}} {count}"));
        self.line(format_args!("gamekeeper_{name}_sum {sum}"));
        self.line(format_args!("gamekeeper_{name}_count {count}"));
    }
}
