//! Newtypes for the numbers on the wire, so that a tick is never taken for a player.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash,
            Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub u32);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number! {
    /// A player's identity. Unique within one run of a server; never reused.
    PlayerId
}
number! {
    /// A room's identity. Unique within one run of a server; never reused.
    RoomId
}
number! {
    /// A step of one room. The first one is 1; 0 is the time before it.
    ///
    /// At 60 Hz a `u32` lasts for 828 days.
    Tick
}
number! {
    /// A client's own number for one of its inputs, counted up from 1 by the client.
    ///
    /// Games echo the last one they applied, so that a client can predict ahead of it. 0 means
    /// "none yet".
    InputSequence
}

impl Tick {
    /// The tick after this one.
    pub fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }
}
