//! Makes the world of a finding smaller: fewer faults, fewer kinds of clients, fewer clients, fewer
//! turns.
//!
//! A smaller plan is another world, because everything that draws draws something else. So
//! several seeds are tried for each, and what remains is the smallest plan in which the same is
//! found: the same words, whatever the numbers in them.

use std::fmt;

use super::{Plan, clients::Kind, faults::Fault, run};

/// Seeds that are tried for each smaller plan.
const TRIES: u64 = 40;

/// A plan, as the arguments that play it.
#[derive(Clone, Debug)]
pub struct Small(Plan);

/// The smallest world like this one in which something is found.
pub fn shrink(plan: &Plan) -> Small {
    let mut best = plan.clone();
    let report = run(&best);
    if let Some(turn) = report.found_at_turn {
        best.turns = best.turns.min(turn);
    }
    let words = report.findings.first().map(|finding| words(finding)).unwrap_or_default();
    let try_smaller = |best: &mut Plan, change: &mut dyn FnMut(&mut Plan)| {
        let mut smaller = best.clone();
        change(&mut smaller);
        play(best, smaller, &words)
    };
    let all_faults = Fault::ALL.map(|(fault, ..)| fault);
    try_smaller(&mut best, &mut |plan| plan.without = all_faults.to_vec());
    for fault in all_faults {
        if !best.without.contains(&fault) {
            try_smaller(&mut best, &mut |plan| plan.without.push(fault));
        }
    }
    try_smaller(&mut best, &mut |plan| plan.stops = false);
    for (kind, _) in Kind::ALL {
        if best.kinds.len() > 1 && best.kinds.contains(&kind) {
            try_smaller(&mut best, &mut |plan| plan.kinds.retain(|other| *other != kind));
        }
    }
    for clients in 1..6 {
        if try_smaller(&mut best, &mut |plan| plan.clients = Some(clients)) {
            break;
        }
    }
    while best.turns > 1 && try_smaller(&mut best, &mut |plan| plan.turns = plan.turns * 3 / 4) {}
    Small(best)
}

/// Whether the same is found in a smaller world; then that is the best one.
fn play(best: &mut Plan, mut smaller: Plan, expected: &str) -> bool {
    for seed in 0..TRIES {
        // The seed that has worked so far comes first.
        smaller.seed = best.seed.wrapping_add(seed);
        let report = run(&smaller);
        let found = report.findings.first().is_some_and(|finding| words(finding) == expected);
        if let (true, Some(turn)) = (found, report.found_at_turn) {
            smaller.turns = smaller.turns.min(turn);
            *best = smaller;
            return true;
        }
    }
    false
}

/// A finding without its numbers.
fn words(finding: &str) -> String {
    finding.chars().filter(|letter| !letter.is_ascii_digit()).collect()
}

impl fmt::Display for Small {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Plan { seed, turns, clients, kinds, without, stops, .. } = &self.0;
        write!(f, "--seed {seed} --turns {turns}")?;
        if let Some(clients) = clients {
            write!(f, " --clients {clients}")?;
        }
        if kinds.len() < Kind::ALL.len() {
            let names: Vec<_> = kinds.iter().map(|kind| kind.name()).collect();
            write!(f, " --kinds {}", names.join(","))?;
        }
        if !without.is_empty() {
            let names = Fault::ALL.iter().filter(|(fault, ..)| without.contains(fault));
            let names: Vec<_> = names.map(|(_, name, _)| *name).collect();
            write!(f, " --without {}", names.join(","))?;
        }
        if !stops {
            write!(f, " --never-stops")?;
        }
        Ok(())
    }
}
