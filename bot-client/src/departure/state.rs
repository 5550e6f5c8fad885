//! Where a bot stands when it leaves: before its hello, in the game, inside a frame, on its way
//! back.
//!
//! A value; what a bot does in which state is the fleet's business.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Where a player stands when it leaves.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum PlayerState {
    /// It is a stranger: it has connected and not said hello.
    Lobby,
    /// It has a seat and says whole frames.
    #[default]
    Match,
    /// It has a seat, and half of a well-formed frame is the last that it says.
    MidFrame,
    /// It comes back: its hello with the ticket is written, and the welcome is not read.
    ResumeWindow,
}

impl PlayerState {
    /// Every state, in the order in which a connection comes to them.
    pub const ALL: [Self; 4] = [Self::Lobby, Self::Match, Self::MidFrame, Self::ResumeWindow];

    /// Its name in options and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lobby => "lobby",
            Self::Match => "match",
            Self::MidFrame => "mid-frame",
            Self::ResumeWindow => "resume-window",
        }
    }
}

impl fmt::Display for PlayerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for PlayerState {
    type Err = UnknownState;

    fn from_str(name: &str) -> Result<Self, UnknownState> {
        let state = Self::ALL.into_iter().find(|state| state.name() == name);
        state.ok_or_else(|| UnknownState(name.to_owned()))
    }
}

/// A name that is not the name of a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownState(pub String);

impl fmt::Display for UnknownState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no state named \"{}\"; the states are", self.0)?;
        for (index, state) in PlayerState::ALL.into_iter().enumerate() {
            write!(f, "{} {state}", if index == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl std::error::Error for UnknownState {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for state in PlayerState::ALL {
            assert_eq!(state.name().parse(), Ok(state));
            let json = serde_json::to_string(&state).expect("a name");
            assert_eq!(json, format!("\"{state}\""), "one name, whoever reads it");
        }
        let error = "limbo".parse::<PlayerState>().expect_err("no such state");
        assert!(error.to_string().contains("mid-frame"), "{error}");
    }
}
