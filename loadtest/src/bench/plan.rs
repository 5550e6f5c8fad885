//! Who is measured when. Pure.

use super::{contender::Contender, options::BenchOptions};

/// One measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// With how many players.
    pub players: u32,
    /// In which round, from 1.
    pub round: u32,
    /// Who.
    pub contender: Contender,
    /// What the bots do.
    pub seed: u64,
}

/// All measurements in order: at each number of players the contenders take turns (A B C A B C),
/// so that what changes in the machine meanwhile meets all of them. In one round all have the same
/// bots.
pub fn turns(options: &BenchOptions, contenders: &[Contender]) -> Vec<Turn> {
    let mut turns = Vec::new();
    for &players in &options.players {
        for round in 1..=options.rounds {
            let seed = options.seed.wrapping_add(u64::from(round - 1));
            let turn = |&contender| Turn { players, round, contender, seed };
            turns.extend(contenders.iter().map(turn));
        }
    }
    turns
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn contenders_take_turns_at_each_size() {
        let options = BenchOptions {
            players: vec![100, 200],
            rounds: 2,
            duration: Duration::from_secs(1),
            peers: vec![Contender::FloorStaggered],
            seed: 7,
            pin: false,
            search: None,
            json: None,
            markdown: false,
            server_bin: None,
            peers_dir: None,
        };
        let contenders = options.contenders();
        assert_eq!(contenders, [Contender::Gamekeeper, Contender::FloorStaggered]);
        let turns = turns(&options, &contenders);
        let order: Vec<_> = turns
            .iter()
            .map(|turn| (turn.players, turn.round, turn.contender, turn.seed))
            .collect();
        let [a, b] = [Contender::Gamekeeper, Contender::FloorStaggered];
        let expected = [
            (100, 1, a, 7),
            (100, 1, b, 7),
            (100, 2, a, 8),
            (100, 2, b, 8),
            (200, 1, a, 7),
            (200, 1, b, 7),
            (200, 2, a, 8),
            (200, 2, b, 8),
        ];
        assert_eq!(order, expected);
    }
}
