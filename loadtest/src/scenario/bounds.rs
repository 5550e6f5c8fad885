//! What a scenario may ask for, looked at before anything of it is made.
//!
//! Data flow: [`Scenario`] -> **bounds** -> plan. Whatever is beyond them is a slip of the pen, or
//! more than a machine can carry; a plan of it would take all the memory there is.

use std::time::Duration;

use gamekeeper_bot::manner::Manner;

use super::{Fault, Mass, Resume, Scenario};

/// A run with more bots than this needs more than a machine.
pub const BOTS_MAX: u32 = 1_000_000;

/// A run that is longer than this is better a soak of shorter ones.
pub const DURATION_MAX: Duration = Duration::from_secs(30 * 24 * 3600);

/// So many departures and joins of stages are planned at most: a plan is in memory as a whole.
pub const CHANGES_MAX: u64 = 5_000_000;

/// Whether a scenario can be played at all, wherever it comes from.
///
/// # Errors
///
/// What is too many, too long or too few, and what is allowed.
pub fn check(scenario: &Scenario) -> Result<(), String> {
    somebody_plays(scenario)?;
    let (most, controls) = (scenario.most(), scenario.controls_count());
    if most > BOTS_MAX {
        return Err(format!(
            "{most} bots at the same time, {controls} of them controls, are too many; at most \
             {BOTS_MAX}"
        ));
    }
    let duration = scenario.duration();
    let of_faults = scenario.faults.iter().map(|fault| &fault.resume);
    let resumes = of_faults.chain(scenario.masses.iter().map(|mass| &mass.resume));
    let times = resumes.map(|Resume { after, .. }| after.to).chain([duration]);
    if let Some(longest) = times.max().filter(|longest| *longest > DURATION_MAX) {
        return Err(format!(
            "{longest:?} are too long; at most {} days",
            DURATION_MAX.as_secs() / (24 * 3600)
        ));
    }
    let changes = changes(scenario);
    if changes > CHANGES_MAX {
        return Err(format!(
            "{changes} departures and joins are too many for a plan; at most {CHANGES_MAX}: ask \
             for lower rates, fewer mass events and stages, or a shorter run"
        ));
    }
    Ok(())
}

/// Whether each fault, mass event and control of a scenario from a file is about somebody at all:
/// one that is not would be a demand that nobody makes.
///
/// # Errors
///
/// The first one that is not, and why.
pub fn check_tables(scenario: &Scenario) -> Result<(), String> {
    let (bots, duration) = (scenario.bots, scenario.duration());
    numbered("fault", &scenario.faults, |fault: &Fault| {
        let in_vain = fault.count(bots, duration) == 0;
        in_vain.then_some("not a single departure comes of its rate in its time")
    })?;
    numbered("mass", &scenario.masses, |mass: &Mass| {
        let in_vain = mass.amount.of(scenario.most_plain() as usize) == 0;
        in_vain.then_some("its amount is nobody")
    })?;
    numbered("control", &scenario.controls, |control| match control.manner {
        _ if control.bots == 0 => Some("it has no bots"),
        Manner::Plain => Some("plain is how all other bots behave"),
        _ => None,
    })
}

/// Whether there is somebody to join when the run begins, and to be measured later.
fn somebody_plays(scenario: &Scenario) -> Result<(), String> {
    match (scenario.bots, scenario.controls_count()) {
        (0, 0) => Err("nobody plays when the run begins; begin with bots = 1 or more, and let \
                       stages do the rest"
            .to_owned()),
        (0, _) => Err("only controls play when the run begins, but survivors are measured on \
                       plain bots; begin with bots = 1 or more"
            .to_owned()),
        _ => Ok(()),
    }
}

/// How many departures are planned, and joins of stages: at most, as if everybody was there.
fn changes(scenario: &Scenario) -> u64 {
    let duration = scenario.duration();
    let faults = scenario.faults.iter().map(|fault| fault.count(scenario.bots, duration));
    let plain = scenario.most_plain() as usize;
    let masses = scenario.masses.iter().map(|mass| mass.amount.of(plain) as u64);
    let mut bots = scenario.bots;
    let stages = scenario.stages.iter().map(|stage| {
        let before = std::mem::replace(&mut bots, stage.to);
        u64::from(stage.to.abs_diff(before))
    });
    faults.chain(masses).chain(stages).fold(0, u64::saturating_add)
}

/// Looks at each, and says of which one a mistake is.
fn numbered<T>(
    name: &str,
    tables: &[T],
    fault: impl Fn(&T) -> Option<&'static str>,
) -> Result<(), String> {
    let wrong = tables.iter().enumerate().find_map(|(index, table)| Some((index, fault(table)?)));
    match wrong {
        Some((index, why)) => Err(format!("[[{name}]] number {}: {why}", index + 1)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Control, Stage, file};

    const GOOD: &str = r#"
        [load]
        bots = 100
        stages = [{ hold = "10s" }, { ramp = "5s", to = 200 }, { hold = "5s" }]
        [[fault]]
        causes = "close"
        rate = "5/s"
        during = "1s..9s"
        resume = "50%"
        back_after = "1s..2s"
        [[mass]]
        causes = "reset"
        at = "12s"
        amount = "50%"
        [[control]]
        manner = "slicer"
        bots = 3
    "#;

    /// Before anything is allocated, and without a sum that wraps.
    #[test]
    fn what_is_beyond_the_bounds_is_refused() {
        for (right, wrong, hint) in [
            ("rate = \"5/s\"", "rate = \"1e18/s\"", "too many for a plan; at most 5000000"),
            ("bots = 3", "bots = 4294967295", "at most 1000000"),
            ("bots = 3", "bots = 999801", "1000001 bots at the same time, 999801 of them"),
            ("to = 200", "to = 1000001", "at most 1000000"),
            // The most seconds that a duration holds and a number says exactly, and some more.
            (
                "{ hold = \"5s\" }",
                "{ hold = \"18446744073709549568s\" }, { hold = \"3000s\" }",
                "at most 30 days",
            ),
            ("hold = \"5s\"", "hold = \"720h\"", "at most 30 days"),
            ("1s..2s", "1s..18446744073709549568s", "at most 30 days"),
            ("bots = 100", "bots = 0", "only controls play when the run begins"),
        ] {
            assert!(GOOD.contains(right), "{right}");
            let error = file::read(&GOOD.replacen(right, wrong, 1)).expect_err(wrong).to_string();
            assert!(error.contains(hint), "{wrong}: {error}");
        }
        let nobody = "[load]\nbots = 0\nstages = [{ ramp = \"5s\", to = 10 }]";
        let error = file::read(nobody).expect_err("nobody joins").to_string();
        assert!(error.contains("nobody plays when the run begins"), "{error}");
        file::read(GOOD).expect("within the bounds");
    }

    /// A demand that nobody makes is not one that is met.
    #[test]
    fn what_is_about_nobody_is_refused_with_its_place() {
        for (right, wrong, hint) in [
            ("1s..9s", "1s..1s", "[[fault]] number 1: not a single departure"),
            ("5/s", "0/s", "[[fault]] number 1: not a single departure"),
            ("5/s", "0%/s", "[[fault]] number 1: not a single departure"),
            ("amount = \"50%\"", "amount = \"0\"", "[[mass]] number 1: its amount is nobody"),
            ("amount = \"50%\"", "amount = \"0%\"", "[[mass]] number 1: its amount is nobody"),
            ("bots = 3", "bots = 0", "[[control]] number 1: it has no bots"),
            ("slicer", "plain", "[[control]] number 1: plain is how"),
        ] {
            assert!(GOOD.contains(right), "{right}");
            let error = file::read(&GOOD.replacen(right, wrong, 1)).expect_err(wrong).to_string();
            assert!(error.contains(hint), "{wrong}: {error}");
        }
    }

    #[test]
    fn another_number_of_bots_scales_the_stages_and_loses_nobody() {
        let stages = |bots| -> Vec<u32> {
            let scenario = file::read(GOOD).expect("a scenario");
            let few = Stage { to: 1, takes: Duration::from_secs(1) };
            let none = Stage { to: 0, ..few };
            let stages = [&scenario.stages[..], &[few, none]].concat();
            let scaled = Scenario { stages, ..scenario }.with_bots(bots);
            assert_eq!(scaled.bots, bots);
            scaled.stages.iter().map(|stage| stage.to).collect()
        };
        assert_eq!(stages(150), [150, 300, 300, 2, 0]);
        assert_eq!(stages(10), [10, 20, 20, 1, 0]);
        assert_eq!(stages(u32::MAX)[..2], [u32::MAX, u32::MAX]);
        let many = file::read(GOOD).expect("a scenario").with_bots(600_000);
        assert!(check(&many).expect_err("too many").contains("1200003 bots"));
    }

    #[test]
    fn sums_do_not_wrap() {
        let mut scenario = file::read(GOOD).expect("a scenario");
        let control = |bots| Control { manner: Manner::Slicer, bots };
        scenario.controls = [u32::MAX, 1].map(control).to_vec();
        assert_eq!((scenario.most(), scenario.initial()), (u32::MAX, u32::MAX));
        scenario.stages = vec![Stage { to: 100, takes: Duration::MAX }; 2];
        assert_eq!(scenario.duration(), Duration::MAX);
    }
}
