//! Where a run stands: a bar on a terminal, plain lines elsewhere.

use std::{io::IsTerminal, time::Duration};

use gamekeeper_bot::clock::Moment;
use indicatif::{ProgressBar, ProgressStyle};

use super::output;
use crate::run::{Phase, Status};

/// Between two plain lines.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Steps of the bar.
const STEPS: u64 = 1000;

/// Shows where a run stands.
#[derive(Debug)]
pub(super) struct Progress {
    /// Only on a terminal.
    bar: Option<ProgressBar>,
    phase: Option<Phase>,
    next_line: Moment,
}

impl Progress {
    pub(super) fn new() -> Self {
        let plain = !std::io::stderr().is_terminal() || std::env::var_os("NO_COLOR").is_some();
        let bar = (!plain).then(|| {
            let style = ProgressStyle::with_template("{prefix:>6} [{bar:30}] {msg}");
            let bar = ProgressBar::new(STEPS);
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar
        });
        Self { bar, phase: None, next_line: Moment::default() }
    }

    pub(super) fn show(&mut self, status: &Status) {
        let text = format!(
            "{} playing, {} left, {} to be noticed, {} lost",
            status.playing, status.left, status.awaited, status.lost
        );
        if let Some(bar) = &self.bar {
            bar.set_prefix(status.phase.to_string());
            bar.set_position((status.done * STEPS as f64) as u64);
            bar.set_message(text);
            return;
        }
        let now = Moment::now();
        if self.phase != Some(status.phase) || now >= self.next_line {
            self.phase = Some(status.phase);
            self.next_line = now + LINE_EVERY;
            output::status(&format!("{:<6} {:>3.0} %  {text}", status.phase, status.done * 100.0));
        }
    }

    pub(super) fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}
