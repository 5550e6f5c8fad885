//! What is shown of a run on a terminal: a few lines of text, for any width.
//!
//! Part of [`progress`](super). Status -> **`Block`** -> lines. Pure: it knows no terminal.

use std::fmt::Write;

use crate::{
    run::{Standing, Status},
    timeline::Sample,
};

/// Narrower than this, lines are cut off and not arranged.
const WIDTH_MIN: usize = 24;

/// The widest that lines are made, for the eye.
const WIDTH_MAX: usize = 100;

/// Room for what a line is about.
const NAME_WIDTH: usize = 11;

/// Lines for the ways of leaving.
const CAUSE_LINES_MAX: usize = 4;

/// A few lines about a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block<'a> {
    /// Where it stands.
    pub(super) status: &'a Status<'a>,
    /// Columns of the terminal.
    pub(super) width: usize,
    /// Whether what is wrong is marked with colour.
    pub(super) colour: bool,
}

impl Block<'_> {
    /// The lines, none of which is wider than the terminal.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = vec![self.bar(), self.bots()];
        lines.extend(self.left());
        lines.extend(self.server());
        if let Some(sample) = self.status.sample {
            lines.push(named("survivors", &survivors(sample)));
            lines.push(named("generator", &generator(sample)));
        }
        let width = self.width();
        let mut lines: Vec<String> = lines.iter().map(|line| cut(line, width)).collect();
        lines.push(self.verdict(width));
        lines
    }

    fn width(&self) -> usize {
        // In the last column some terminals go to the next line.
        self.width.saturating_sub(1).min(WIDTH_MAX)
    }

    fn bar(&self) -> String {
        let Status { phase, done, rest, .. } = *self.status;
        let mut text = format!(" {:>3.0} %", done * 100.0);
        if let Some(rest) = rest {
            let seconds = rest.as_secs_f64().ceil();
            let _ = match seconds {
                long if long >= 100.0 => write!(text, "  {:.0} min left", (long / 60.0).ceil()),
                short => write!(text, "  {short:.0} s left"),
            };
        }
        let phase = format!("{:<NAME_WIDTH$}", phase.to_string());
        let room = self.width().saturating_sub(phase.len() + text.len().max(18) + 2);
        let full = (done.clamp(0.0, 1.0) * room as f64) as usize;
        format!("{phase}[{}{}]{text}", "=".repeat(full), " ".repeat(room - full))
    }

    fn bots(&self) -> String {
        let heads = &self.status.heads;
        let mut text = format!("{} play of {} expected", heads.playing, heads.expected);
        if heads.returning > 0 {
            let _ = write!(text, ", {} on the way back", heads.returning);
        }
        named("bots", &text)
    }

    /// What the server says itself, if it can be asked.
    fn server(&self) -> Option<String> {
        let heads = &self.status.heads;
        let mut text = format!("{} players, {} away", heads.players?, heads.players_away?);
        let sample = self.status.sample.and_then(|sample| sample.server);
        if let Some(late) = sample.and_then(|server| server.tick_late.p99_ms) {
            let _ = write!(text, "; tick late p99 {late:.2} ms");
        }
        Some(named("server", &text))
    }

    /// Who has left, and by which cause: so many of them noticed.
    fn left(&self) -> Vec<String> {
        let standing = self.status.standing;
        let total = standing.total();
        let mut text = total.left.to_string();
        if standing.has_ledger {
            let _ = write!(text, ", {} noticed", total.right + total.wrong);
        }
        if self.status.awaited > 0 {
            let _ = write!(text, ", {} still hold their socket", self.status.awaited);
        }
        let mut lines = vec![named("left", &text)];
        let room = self.width().saturating_sub(NAME_WIDTH).max(WIDTH_MIN);
        let causes = standing.causes.iter().map(|(departure, so_far)| {
            let noticed = so_far.right + so_far.wrong;
            match standing.has_ledger {
                true => format!("{departure} {noticed}/{}", so_far.left),
                false => format!("{departure} {}", so_far.left),
            }
        });
        let mut row = String::new();
        for cause in causes {
            if !row.is_empty() && row.len() + 2 + cause.len() > room {
                lines.push(named("", &row));
                row.clear();
            }
            if !row.is_empty() {
                row.push_str("  ");
            }
            row.push_str(&cause);
        }
        if !row.is_empty() {
            lines.push(named("", &row));
        }
        if lines.len() > CAUSE_LINES_MAX + 1 {
            lines.truncate(CAUSE_LINES_MAX);
            lines.push(named("", "and more"));
        }
        lines
    }

    fn verdict(&self, width: usize) -> String {
        let found = findings(self.status.standing);
        let (text, colour) = match found.is_empty() {
            true => ("nothing wrong so far".to_owned(), "\x1b[32m"),
            false => (format!("WRONG: {}", found.join(", ")), "\x1b[1;31m"),
        };
        let text = cut(&text, width);
        if self.colour { format!("{colour}{text}\x1b[0m") } else { text }
    }
}

/// What is wrong so far.
pub(super) fn findings(standing: &Standing) -> Vec<String> {
    let total = standing.total();
    let found = [
        (standing.evicted, "thrown out"),
        (standing.refused, "not let in"),
        (total.wrong, "for a wrong reason"),
        (total.late, "noticed late"),
        (if standing.has_ledger { standing.overdue } else { 0 }, "not noticed in time"),
    ];
    let found = found.into_iter().filter(|(count, _)| *count > 0);
    found.map(|(count, what)| format!("{count} {what}")).collect()
}

fn survivors(sample: &Sample) -> String {
    let [p50, p99, worst] =
        [sample.interval_p50_ms, sample.interval_p99_ms, sample.interval_max_ms].map(ms);
    let mut text = format!("interval p50 {p50}, p99 {p99}, worst {worst} ms");
    if sample.missed_ticks > 0 {
        let _ = write!(text, ", {} missed", sample.missed_ticks);
    }
    text
}

fn generator(sample: &Sample) -> String {
    format!("inputs are sent late by {} ms (p99)", ms(sample.input_lag_p99_ms))
}

fn ms(value: Option<f64>) -> String {
    value.map_or("-".to_owned(), |value| format!("{value:.1}"))
}

fn named(name: &str, text: &str) -> String {
    format!("{name:<NAME_WIDTH$}{text}")
}

/// A line that fits.
fn cut(line: &str, width: usize) -> String {
    if line.chars().count() <= width {
        return line.trim_end().to_owned();
    }
    let kept: String = line.chars().take(width.saturating_sub(2)).collect();
    format!("{} .", kept.trim_end()).chars().take(width).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use gamekeeper_bot::departure::Departure;

    use super::*;
    use crate::{
        run::{Phase, SoFar},
        timeline::{Headcount, ServerSample, ServerTimes},
    };

    fn standing() -> Standing {
        let so_far = |index: usize| SoFar { left: 12 + index as u64, right: 12, wrong: 0, late: 0 };
        let causes = Departure::ALL.into_iter().enumerate();
        let mut standing = Standing::default();
        standing.causes = causes.map(|(index, departure)| (departure, so_far(index))).collect();
        standing.has_ledger = true;
        standing
    }

    fn sample() -> Sample {
        let times = |p99| ServerTimes { p50_ms: Some(0.1), p99_ms: Some(p99), max_ms: Some(5.0) };
        let server =
            ServerSample { tick: times(0.25), tick_late: times(1.0), ..ServerSample::default() };
        Sample {
            interval_p50_ms: Some(50.04),
            interval_p99_ms: Some(51.92),
            interval_max_ms: Some(60.25),
            input_lag_p99_ms: Some(0.351),
            server: Some(server),
            ..Sample::default()
        }
    }

    pub(in super::super) fn with_status<T>(
        standing: &Standing,
        sample: Option<&Sample>,
        of: impl FnOnce(&Status<'_>) -> T,
    ) -> T {
        of(&Status {
            phase: Phase::Run,
            done: 0.43,
            rest: Some(Duration::from_millis(28_500)),
            heads: Headcount {
                at_seconds: 21.5,
                expected: 1200,
                playing: 1198,
                returning: 7,
                players: Some(1203),
                players_away: Some(12),
            },
            awaited: 8,
            standing,
            sample,
        })
    }

    fn lines(standing: &Standing, sample: Option<&Sample>, width: usize) -> Vec<String> {
        with_status(standing, sample, |status| Block { status, width, colour: false }.lines())
    }

    #[test]
    fn eighty_columns_show_everything() {
        let lines = lines(&standing(), Some(&sample()), 80);
        let bar = ["=".repeat(20), " ".repeat(28)].concat();
        let wanted = format!(
            "run        [{bar}]  43 %  29 s left\n\
             bots       1198 play of 1200 expected, 7 on the way back\n\
             left       312, 192 noticed, 8 still hold their socket\n           \
             goodbye 12/12  close 12/13  reset 12/14  half-close 12/15\n           \
             unread-close 12/16  last-words 12/17  stall 12/18  freeze 12/19\n           \
             vanish 12/20  power-cut 12/21  half-frame 12/22  trickle 12/23\n           \
             garbage 12/24  oversize 12/25  flood 12/26  ws-close 12/27\n\
             server     1203 players, 12 away; tick late p99 1.00 ms\n\
             survivors  interval p50 50.0, p99 51.9, worst 60.2 ms\n\
             generator  inputs are sent late by 0.4 ms (p99)\n\
             nothing wrong so far"
        );
        assert_eq!(lines.join("\n"), wanted);
    }

    /// Nothing is cut off but names of causes, of which there are too many.
    #[test]
    fn sixty_columns_show_nearly_everything() {
        let text = lines(&standing(), Some(&sample()), 60).join("\n");
        assert!(!text.contains(" ."), "{text}");
        for wanted in ["29 s left\n", "way back\n", "1.00 ms\n", "60.2 ms\n", "and more\n"] {
            assert!(text.contains(wanted), "{wanted} is missing in\n{text}");
        }
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        for width in [0, 1, 10, 24, 40, 60, 80, 200] {
            for sample in [None, Some(&sample())] {
                let lines = lines(&standing(), sample, width);
                let widest = lines.iter().map(|line| line.chars().count()).max();
                assert!(widest <= Some(width.saturating_sub(1)), "{width}: {lines:#?}");
                assert!(lines.len() <= 11, "{lines:#?}");
                assert!(!lines.iter().any(|line| line.contains('\x1b')));
            }
        }
    }

    #[test]
    fn what_is_wrong_is_said_in_the_last_line() {
        let mut standing = standing();
        let last = |standing: &Standing| lines(standing, None, 80).pop().expect("a line");
        assert_eq!(last(&standing), "nothing wrong so far");
        (standing.evicted, standing.overdue) = (3, 2);
        standing.causes.insert(Departure::Close, SoFar { left: 5, right: 3, wrong: 1, late: 1 });
        let wrong = "WRONG: 3 thrown out, 1 for a wrong reason, 1 noticed late, 2 not noticed in";
        assert!(last(&standing).starts_with(wrong), "{}", last(&standing));
        let coloured = with_status(&standing, None, |status| {
            Block { status, width: 80, colour: true }.lines().pop().expect("a line")
        });
        assert!(coloured.starts_with("\x1b[1;31mWRONG") && coloured.ends_with("\x1b[0m"));
    }

    #[test]
    fn without_a_ledger_nobody_is_said_to_be_noticed() {
        let mut standing = standing();
        (standing.has_ledger, standing.overdue) = (false, 9);
        let text = lines(&standing, None, 80).join("\n");
        assert!(text.contains("goodbye 12  close 13") && !text.contains("noticed"), "{text}");
        assert!(text.ends_with("nothing wrong so far"), "{text}");
    }
}
