//! Every limit of the server, in one table: name with unit, default, range, reason.
//!
//! The limits of the wire format (frame lengths) are in `gamekeeper_protocol::limits`. Each limit
//! here is a key of the configuration file, an environment variable and a command-line flag of
//! the same name (see `config`).

use std::{fmt, time::Duration};

/// Name, default and range of one limit, for the configuration layers and for `--help`.
#[derive(Clone, Copy, Debug)]
pub struct LimitInfo {
    /// The name, with its unit at the end.
    pub name: &'static str,
    /// What it bounds and why, in full sentences.
    pub doc: &'static str,
    /// Used when nothing else is said.
    pub default: u64,
    /// Smallest value that is accepted.
    pub min: u64,
    /// Largest value that is accepted.
    pub max: u64,
}

macro_rules! limits {
    ($(
        $(#[doc = $doc:literal])+
        $name:ident = $default:literal in $min:literal ..= $max:literal;
    )+) => {
        /// The server's limits. See each field for its meaning; units are in the names.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Limits {
            $( $(#[doc = $doc])+ pub $name: u64, )+
        }

        impl Limits {
            /// The defaults.
            pub const DEFAULT: Self = Self { $( $name: $default, )+ };

            /// All limits, in the order of the table.
            pub const TABLE: &'static [LimitInfo] = &[ $( LimitInfo {
                name: stringify!($name),
                doc: concat!($( $doc, )+),
                default: $default,
                min: $min,
                max: $max,
            }, )+ ];

            /// The value of the limit called `name`, to be read or set.
            pub fn by_name(&mut self, name: &str) -> Option<&mut u64> {
                match name {
                    $( stringify!($name) => Some(&mut self.$name), )+
                    _ => None,
                }
            }
        }
    };
}

limits! {
    /// Players and other game connections at the same time.
    /// The server lowers it at start to what the descriptor limit allows.
    connections_max = 16_000 in 1..=1_000_000;
    /// Connections that have not said hello yet; beyond it newcomers are told that it is full.
    handshakes_max = 4_000 in 1..=1_000_000;
    /// Connections of one address (of one 64-bit network, for IPv6) at the same time.
    connections_per_address_max = 256 in 1..=1_000_000;
    /// New connections of one address each second, once the burst is used up.
    arrivals_per_address_per_second = 20 in 1..=1_000_000;
    /// New connections of one address at once.
    arrivals_per_address_burst = 256 in 1..=1_000_000;
    /// 1 to count the connections of this machine itself like all others, 0 not to count them.
    /// Behind a proxy on the same machine everybody has its address.
    guard_loopback = 0 in 0..=1;
    /// Connections accepted in one turn of the loop, so that a connect storm cannot delay a tick.
    accepts_per_turn_max = 64 in 1..=10_000;
    /// How long to leave the listeners alone when nobody can be accepted (no descriptors, say).
    accept_retry_ms = 100 in 1..=10_000;
    /// From accept to a complete hello.
    hello_timeout_ms = 5_000 in 100..=60_000;
    /// From the first byte of a frame to its last one.
    frame_timeout_ms = 5_000 in 100..=60_000;
    /// A client that has been silent for this long is sent a ping.
    ping_after_ms = 1_000 in 50..=60_000;
    /// A client that speaks is sent a ping this often, beside a state, to see that it also reads.
    ping_every_ms = 2_000 in 50..=60_000;
    /// A client that has been silent for this long, and was pinged meanwhile, is gone.
    /// Counts from the last complete frame.
    heartbeat_timeout_ms = 6_000 in 100..=300_000;
    /// A client that has been silent for this long, and was pinged meanwhile, is shown to the
    /// others as stalled. Longer than `heartbeat_timeout_ms` means never.
    stalled_after_ms = 3_000 in 100..=300_000;
    /// How long the seat of a player is held whose connection was lost, so that it can come back.
    /// 0 gives it up at once.
    resume_window_ms = 30_000 in 0..=3_600_000;
    /// Seats held at the same time; beyond it those that were lost first are given up, so that a
    /// storm of players who come and vanish cannot fill the memory.
    seats_held_max = 16_000 in 0..=1_000_000;
    /// Events kept for each player, to be sent again when it comes back.
    resume_events_max = 64 in 0..=100_000;
    /// Bytes of the events kept for each player.
    resume_events_bytes = 16_384 in 0..=16_777_216;
    /// Bytes read from one client in one turn; the rest waits for the next turn.
    read_per_turn_bytes = 16_384 in 1_024..=1_048_576;
    /// Frames of one client that are looked at in one turn; the rest waits for the next turn.
    frames_per_turn_max = 64 in 1..=100_000;
    /// Frames of one client each second, once the burst is used up; more is a flood.
    frames_per_second = 120 in 1..=1_000_000;
    /// Frames of one client at once: what piles up while its network hangs for a few seconds.
    frames_burst = 600 in 1..=1_000_000;
    /// Bytes of one client each second, once the burst is used up; more is a flood.
    bytes_per_second = 32_768 in 256..=1_073_741_824;
    /// Bytes of one client at once.
    bytes_burst = 131_072 in 8_192..=1_073_741_824;
    /// Bytes written to one client in one turn; the rest waits for the next turn.
    write_per_turn_bytes = 65_536 in 4_096..=16_777_216;
    /// Inputs of one player that count in one tick; when there are more, the oldest are dropped.
    inputs_per_tick_max = 8 in 1..=1_000;
    /// Reliable bytes waiting for one client beyond which it is evicted at once, if its socket has
    /// refused to take any.
    out_hard_bytes = 524_288 in 8_192..=67_108_864;
    /// Reliable bytes waiting for one client that it may hold only for `out_soft_ms`.
    out_soft_bytes = 65_536 in 4_096..=67_108_864;
    /// How long a client may stay over `out_soft_bytes`.
    out_soft_ms = 2_000 in 100..=60_000;
    /// How long a client's socket may take no byte, or the client answer no ping, while its system
    /// acknowledges nothing.
    out_stall_ms = 5_000 in 100..=300_000;
    /// SO_SNDBUF: the kernel's share of the bytes on the way to one client (Linux doubles it).
    socket_send_buffer_bytes = 32_768 in 2_048..=4_194_304;
    /// TCP_NOTSENT_LOWAT: bytes that the kernel takes for one client before it can send them. What
    /// waits there is old, what waits in the server is the newest state. 0 is the system's own.
    socket_notsent_lowat_bytes = 16_384 in 0..=4_194_304;
    /// TCP_USER_TIMEOUT: how long data may go unacknowledged until the kernel gives a connection
    /// up. 0 leaves that to the limits above, which come sooner, and to the kernel's own patience.
    /// Any other value ends readers that are slow and alive, if their window is small for so long.
    tcp_user_timeout_ms = 0 in 0..=600_000;
    /// How long a farewell may take to arrive before the connection is cut.
    linger_ms = 2_000 in 10..=60_000;
    /// How long a file of the page may take to arrive before the connection is cut.
    serve_ms = 30_000 in 100..=600_000;
    /// Bytes of a departing client that are read and dropped before the connection is cut.
    linger_discard_bytes = 65_536 in 0..=16_777_216;
    /// Departing connections that may linger at the same time.
    /// Beyond it the oldest one is cut.
    lingering_max = 256 in 0..=100_000;
    /// How long players may play on after the first stop signal, while nobody comes in any more,
    /// nor back. 0 tells them at once.
    drain_grace_ms = 0 in 0..=86_400_000;
    /// From telling everybody that the server stops to the end of the process, at most.
    drain_timeout_ms = 5_000 in 100..=600_000;
    /// Log lines each second about leaves of one address, once the burst is used up. All addresses
    /// together have ten times as many; what is left out is counted, and told every ten seconds.
    leave_lines_per_address_per_second = 10 in 1..=1_000_000;
    /// Log lines at once about leaves of one address.
    leave_lines_per_address_burst = 100 in 1..=1_000_000;
    /// Departures that are remembered, with what happened to each, for `/api/departures`: the last
    /// ones. Each takes about 300 bytes.
    departures_kept_max = 256 in 0..=1_000_000;
    /// Admin connections at the same time.
    admin_connections_max = 16 in 1..=1_024;
    /// From accept to the last byte of the answer on an admin connection.
    admin_timeout_ms = 2_000 in 100..=60_000;
    /// Bots that the teardown lab has out at the same time.
    lab_bots_max = 200 in 1..=1_000;
}

const _: () = {
    let limits = Limits::DEFAULT;
    assert!(limits.contradiction().is_none());
};

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Limits {
    /// The first pair of limits that contradict each other, as text, if there is one.
    pub const fn contradiction(&self) -> Option<Contradiction> {
        if self.ping_after_ms >= self.heartbeat_timeout_ms {
            return Some(Contradiction("ping_after_ms must be less than heartbeat_timeout_ms"));
        }
        if self.out_soft_bytes > self.out_hard_bytes {
            return Some(Contradiction("out_soft_bytes must not be more than out_hard_bytes"));
        }
        if self.out_hard_bytes <= gamekeeper_protocol::limits::SERVER_FRAME_BYTES_MAX as u64 {
            return Some(Contradiction(
                "out_hard_bytes must be more than 262144, the size of the longest frame",
            ));
        }
        if self.resume_events_bytes > self.out_soft_bytes {
            return Some(Contradiction(
                "resume_events_bytes must not be more than out_soft_bytes, \
                 or who comes back has at once more waiting than anybody may",
            ));
        }
        if self.linger_ms > self.drain_timeout_ms {
            return Some(Contradiction("linger_ms must not be more than drain_timeout_ms"));
        }
        None
    }
}

/// Two limits that cannot both hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contradiction(pub &'static str);

impl fmt::Display for Contradiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// A limit in milliseconds as a span of time.
pub const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_in_its_range_and_reachable_by_name() {
        let mut limits = Limits::DEFAULT;
        for info in Limits::TABLE {
            assert!((info.min..=info.max).contains(&info.default), "{}", info.name);
            assert_eq!(limits.by_name(info.name).copied(), Some(info.default));
            assert!(info.doc.ends_with('.'), "{} is explained in sentences", info.name);
        }
        assert_eq!(limits.by_name("no_such_limit"), None);
    }

    /// All that a player has missed waits for it in the moment in which it is back.
    #[test]
    fn events_that_are_kept_fit_into_what_may_wait() {
        let limits = Limits { resume_events_bytes: 65_537, ..Limits::DEFAULT };
        let contradiction = limits.contradiction().expect("more than out_soft_bytes");
        assert!(contradiction.to_string().contains("out_soft_bytes"), "{contradiction}");
    }

    #[test]
    fn a_heartbeat_that_leaves_no_time_for_a_ping_is_refused() {
        let limits = Limits { heartbeat_timeout_ms: 1_000, ..Limits::DEFAULT };
        assert!(limits.contradiction().is_some());
    }
}
