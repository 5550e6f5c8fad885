//! The scenarios that come with the program: the files in `loadtest/scenarios`, word for word.

use super::{Scenario, file};

/// Their names and their texts.
pub const SHIPPED: [(&str, &str); 7] = [
    ("smoke", include_str!("../../scenarios/smoke.toml")),
    ("churn", include_str!("../../scenarios/churn.toml")),
    ("mass-drop", include_str!("../../scenarios/mass-drop.toml")),
    ("slow-readers", include_str!("../../scenarios/slow-readers.toml")),
    ("reconnect-herd", include_str!("../../scenarios/reconnect-herd.toml")),
    ("soak", include_str!("../../scenarios/soak.toml")),
    ("everything", include_str!("../../scenarios/everything.toml")),
];

/// The one with this name.
pub fn find(name: &str) -> Option<Scenario> {
    let (_, text) = SHIPPED.into_iter().find(|(known, _)| *known == name)?;
    Some(file::read(text).expect("a test reads every file that is shipped"))
}

#[cfg(test)]
mod tests {
    use gamekeeper_bot::{
        departure::{Departure, PlayerState, Transport},
        manner::Manner,
        transport::TransportMix,
    };

    use super::*;
    use crate::plan::{Means, Plan};

    #[test]
    fn every_file_is_a_scenario_that_can_be_planned() {
        for (name, _) in SHIPPED {
            let scenario = find(name).expect(name);
            assert!(!scenario.about.is_empty(), "{name} says what it is for");
            let plan = Plan::new(&scenario, 1, &Means::all(Transport::Tcp));
            assert_eq!(plan.unplaced, 0, "{name}");
            assert!(plan.departures_count() > 0, "{name}");
        }
        assert_eq!(find("nothing"), None);
    }

    /// It is called that for a reason.
    #[test]
    fn everything_is_in_everything() {
        let scenario = find("everything").expect("shipped");
        let plan = Plan::new(&scenario, 1, &Means::all(Transport::Tcp));
        let kinds = plan.departures_by_kind();
        let of_browsers = find("everything").expect("shipped").over(TransportMix::Mixed);
        let of_browsers = Plan::new(&of_browsers, 1, &Means::all(Transport::Tcp));
        let of_browsers = of_browsers.departures_by_kind();
        for departure in Departure::ALL {
            let kind = (departure, PlayerState::Match);
            assert!(of_browsers.contains_key(&kind), "{departure}");
            assert_eq!(kinds.contains_key(&kind), !departure.needs_websocket(), "{departure}");
        }
        for departure in Departure::ALL {
            for state in [PlayerState::Lobby, PlayerState::MidFrame] {
                let possible = departure.can_happen_in(state, Transport::Tcp);
                assert_eq!(
                    kinds.contains_key(&(departure, state)),
                    possible,
                    "{departure} {state}"
                );
            }
        }
        let manners = plan.controls_by_manner();
        for manner in Manner::ALL.into_iter().filter(|manner| *manner != Manner::Plain) {
            assert!(manners.contains_key(&manner), "{manner}");
        }
    }
}
