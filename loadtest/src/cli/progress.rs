//! Where a run stands: a few lines that are redrawn in place on a terminal, plain lines elsewhere.
//!
//! Data flow: status -> **`Progress`** -> stderr. The bots wait while this happens, so text is made
//! only a few times a second. What the lines say is [`block`]'s business, and that they stay in
//! place is [`canvas`]'s.

mod block;
mod canvas;

use std::{env, io::IsTerminal, time::Duration};

use gamekeeper_bot::clock::Moment;
use rustix::termios::tcgetwinsize;

use super::output;
use crate::run::{Phase, Status};
use block::Block;
use canvas::Canvas;

/// Between two plain lines.
const LINE_EVERY: Duration = Duration::from_secs(2);

/// Between two looks of the block.
const DRAW_EVERY: Duration = Duration::from_millis(200);

/// The width of a terminal that does not say how wide it is.
const COLUMNS_USUAL: usize = 80;

/// Shows where a run stands.
#[derive(Debug)]
pub(super) struct Progress {
    /// Only on a terminal.
    canvas: Option<Canvas>,
    colour: bool,
    /// What was shown last, and when something is shown next.
    phase: Option<Phase>,
    next: Moment,
}

impl Progress {
    pub(super) fn new() -> Self {
        let is_dumb = env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
        let canvas = (std::io::stderr().is_terminal() && !is_dumb).then(Canvas::default);
        let colour = env::var_os("NO_COLOR").is_none();
        Self { canvas, colour, phase: None, next: Moment::default() }
    }

    pub(super) fn show(&mut self, status: &Status<'_>) {
        let now = Moment::now();
        if self.phase == Some(status.phase) && now < self.next {
            return;
        }
        self.phase = Some(status.phase);
        match &mut self.canvas {
            Some(canvas) => {
                self.next = now + DRAW_EVERY;
                let block = Block { status, width: columns(), colour: self.colour };
                output::draw(&canvas.draw(&block.lines()));
            }
            None => {
                self.next = now + LINE_EVERY;
                output::status(&line(status));
            }
        }
    }

    /// Takes the block away: what comes next begins where it began.
    pub(super) fn finish(&mut self) {
        if let Some(canvas) = &mut self.canvas {
            output::draw(&canvas.clear());
        }
    }
}

/// How wide the terminal is now: its window may be made smaller at any time.
fn columns() -> usize {
    let size = tcgetwinsize(std::io::stderr());
    size.ok().map(|size| usize::from(size.ws_col)).filter(|it| *it > 0).unwrap_or(COLUMNS_USUAL)
}

/// Where a run stands, in one line.
fn line(status: &Status<'_>) -> String {
    let (heads, standing) = (&status.heads, status.standing);
    let total = standing.total();
    let noticed = match standing.has_ledger {
        true => format!(", {} noticed", total.right + total.wrong),
        false => String::new(),
    };
    let findings = block::findings(standing);
    let verdict = match findings.is_empty() {
        true => "nothing wrong so far".to_owned(),
        false => format!("WRONG: {}", findings.join(", ")),
    };
    format!(
        "{:<6} {:>3.0} %  {} play of {}, {} left{noticed}; {verdict}",
        status.phase,
        status.done * 100.0,
        heads.playing,
        heads.expected,
        total.left
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Standing;

    #[test]
    fn a_plain_line_says_what_the_block_says() {
        let mut standing = Standing::default();
        standing.has_ledger = true;
        let text = |standing: &Standing| block::tests::with_status(standing, None, line);
        let calm = "run     43 %  1198 play of 1200, 0 left, 0 noticed; nothing wrong so far";
        assert_eq!(text(&standing), calm);
        standing.evicted = 2;
        assert!(text(&standing).ends_with("0 noticed; WRONG: 2 thrown out"));
    }
}
