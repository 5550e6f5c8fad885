//! What the program's exit code says.

use std::process::ExitCode;

/// How a run ended, for a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// Every check has passed.
    Pass,
    /// A mistake of this program or of its machine.
    Internal,
    /// Bad usage.
    Usage,
    /// A check has failed.
    Failed,
    /// The bots were the limit, not the server: the figures mean nothing.
    Invalid,
    /// The server could not be reached or died.
    TargetDown,
    /// A later run is worse than an earlier one, or it cannot be said that it is not.
    Regression,
    /// Interrupted; the report covers what was until then.
    Interrupted,
}

impl ExitStatus {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Internal => 1,
            Self::Usage => 2,
            Self::Failed => 3,
            Self::Invalid => 4,
            Self::TargetDown => 5,
            Self::Regression => 6,
            Self::Interrupted => 130,
        }
    }

    /// What a number stands for.
    pub fn from_code(code: u8) -> Self {
        match code {
            0 => Self::Pass,
            2 => Self::Usage,
            3 => Self::Failed,
            4 => Self::Invalid,
            5 => Self::TargetDown,
            6 => Self::Regression,
            130 => Self::Interrupted,
            _ => Self::Internal,
        }
    }

    /// The word in reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Internal => "INTERNAL ERROR",
            Self::Usage => "BAD USAGE",
            Self::Failed => "FAIL",
            Self::Invalid => "INVALID",
            Self::TargetDown => "SERVER DOWN",
            Self::Regression => "WORSE",
            Self::Interrupted => "INTERRUPTED",
        }
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(status.code())
    }
}
