//! What the load test can do: the catalogue that `list` prints, and the plan that `plan` prints.
//!
//! Data flow: tables of departures, manners, metrics, scenarios -> **text**.

use std::fmt::{self, Write as _};

use gamekeeper_bot::{
    departure::{Departure, PlayerState, Transport},
    manner::Manner,
};

use super::{args::scenario::Chosen, output};
use crate::{
    exit::ExitStatus,
    plan::{Means, Plan, lines},
    scenario::shipped,
    threshold::METRICS,
};

/// Prints the catalogue.
pub(super) fn list() -> ExitStatus {
    output::result(&Catalogue { means: Means::probe(Transport::Tcp) }.to_string());
    ExitStatus::Pass
}

/// Prints what will be done when, a line of JSON for each step.
pub(super) fn plan(chosen: &Chosen) -> ExitStatus {
    let plan = Plan::new(&chosen.scenario, chosen.seed, &Means::probe(Transport::Tcp));
    let mut text = String::new();
    for line in lines::lines(&plan) {
        match serde_json::to_string(&line) {
            Ok(line) => {
                text.push_str(&line);
                text.push('\n');
            }
            Err(error) => {
                output::error(&format!("cannot write the plan: {error}"));
                return ExitStatus::Internal;
            }
        }
    }
    output::result(&text);
    for (name, (count, why)) in plan
        .not_run
        .iter()
        .map(|(departure, it)| (departure.name(), it))
        .chain(plan.controls_not_run.iter().map(|(manner, it)| (manner.name(), it)))
    {
        output::status(&format!("left out: {count} x {name}, {why}"));
    }
    if plan.unplaced > 0 {
        output::status(&format!(
            "left out: {} departures for which nobody is there",
            plan.unplaced
        ));
    }
    ExitStatus::Pass
}

/// Everything that can be named in a scenario.
struct Catalogue {
    means: Means,
}

impl fmt::Display for Catalogue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "SCENARIOS (gamekeeper-loadtest run NAME)")?;
        for (name, _) in shipped::SHIPPED {
            let about = shipped::find(name).map(|scenario| scenario.about).unwrap_or_default();
            writeln!(f, "  {name:<16} {about}")?;
        }
        writeln!(f, "\nCAUSES: how a bot leaves, and in which states it can")?;
        for departure in Departure::ALL {
            writeln!(f, "  {departure:<16} {}", departure.summary())?;
            let states = PlayerState::ALL.into_iter();
            let states = states.filter(|it| departure.can_happen_in(*it, Transport::Ws));
            let states: Vec<&str> = states.map(PlayerState::name).collect();
            let mut detail = states.join(", ");
            if departure.needs_websocket() {
                detail += "; with --transport ws or mixed";
            }
            if let Some(why) = self.means.why_not(departure, PlayerState::Match, true) {
                write!(detail, "; not here: {why}")?;
            }
            writeln!(f, "  {:<16}   {detail}", "")?;
        }
        writeln!(f, "\nMANNERS of those who must survive")?;
        for manner in Manner::ALL.into_iter().filter(|manner| *manner != Manner::Plain) {
            writeln!(f, "  {manner:<16} {}", manner.summary())?;
            if let Some(why) = self.means.why_no(manner) {
                writeln!(f, "  {:<16}   not here: {why}", "")?;
            }
        }
        writeln!(f, "\nMETRICS for thresholds, as in 'ttd{{cause:close}} p99<100ms'")?;
        for metric in METRICS {
            let selector =
                metric.selects.key().map_or(String::new(), |key| format!("{{{key}:..}}"));
            let name = format!("{}{selector}", metric.name);
            writeln!(f, "  {name:<28} {}", metric.summary)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use gamekeeper_bot::privilege::Privilege;

    use super::*;

    #[test]
    fn the_catalogue_says_what_there_is_and_what_is_not_here() {
        let all = Catalogue { means: Means::all(Transport::Tcp) }.to_string();
        for wanted in ["everything", "half-close", "resume-window", "late-pong", "ttd{cause:..}"] {
            assert!(all.contains(wanted), "{wanted} is missing in\n{all}");
        }
        assert!(!all.contains("not here"), "{all}");
        let means = Means::all(Transport::Tcp).without(Privilege::NetAdmin, "needs a blessing");
        let some = Catalogue { means }.to_string();
        let lacking = some.matches("not here: needs a blessing").count();
        assert_eq!(lacking, 4, "vanish, power-cut, blip and loss:\n{some}");
    }
}
