//! What a client that never reads may hold: in the server, and in the server's kernel.

use std::{fs, net::SocketAddr};

use gamekeeper::{
    Audience, Game, LeaveCause, Outbox, PlayerId, PlayerInput, Setup, Tick, ids::ConnectionId,
    limits::Limits,
};
use gamekeeper_tests::{
    player::Player,
    rig::{AT_ONCE, Rig},
};

/// A game whose states are large and many, so that any buffer is soon full.
struct Torrent;

const STATE_BYTES: usize = 16_384;

impl Game for Torrent {
    const NAME: &'static str = "torrent";
    const TICK_HZ: u16 = 60;
    type Input = ();
    type Snapshot = Vec<u8>;
    type Event = ();

    fn new(_setup: Setup) -> Self {
        Self
    }
    fn joined(&mut self, _player: PlayerId, _name: &str, _out: &mut Outbox<()>) {}
    fn left(&mut self, _player: PlayerId, _cause: LeaveCause, _out: &mut Outbox<()>) {}
    fn step(&mut self, _tick: Tick, _inputs: &[PlayerInput<()>], _out: &mut Outbox<()>) {}
    fn snapshot(&self, _audience: Audience) -> Vec<u8> {
        vec![7; STATE_BYTES]
    }
}

/// Nobody is given up: what is held is what matters here.
const PATIENT: Limits = Limits { heartbeat_timeout_ms: 300_000, out_stall_ms: 300_000, ..AT_ONCE };

/// The most that is held for a reader that has stopped: in the server, and in its kernel.
fn held(limits: Limits, connect: fn(SocketAddr) -> Player) -> (usize, usize) {
    let mut rig = Rig::hosting::<Torrent>(limits);
    let player = rig.join_on(connect(rig.address), "stuck");
    let id = ConnectionId { slot: 0, generation: 0 };
    let (mut in_server, mut in_kernel) = (0, 0);
    for _ in 0..60 {
        rig.turn_ticks(1);
        in_server = in_server.max(rig.event_loop.hub().unsent_bytes(id));
        in_kernel = in_kernel.max(send_queue(rig.address, player.address()));
    }
    assert!(rig.event_loop.hub().metrics().snapshots_skipped > 10, "its socket is full");
    assert_eq!(rig.left_in_all(), 0);
    (in_server, in_kernel)
}

/// Bytes in the send queue of the socket at `local` that is connected to `peer`.
fn send_queue(local: SocketAddr, peer: SocketAddr) -> usize {
    let sockets = fs::read_to_string("/proc/net/tcp").expect("this is Linux");
    let port = |end: &str| {
        let (_, port) = end.split_once(':').expect("an address and a port");
        u16::from_str_radix(port, 16).expect("a hexadecimal number")
    };
    for socket in sockets.lines().skip(1) {
        let fields: Vec<&str> = socket.split_ascii_whitespace().collect();
        if (port(fields[1]), port(fields[2])) == (local.port(), peer.port()) {
            let (sending, _) = fields[4].split_once(':').expect("two queues");
            return usize::from_str_radix(sending, 16).expect("a hexadecimal number");
        }
    }
    panic!("no socket of {local} is connected to {peer}");
}

#[test]
fn a_reader_that_never_reads_holds_a_bounded_share() {
    let send_buffer = usize::try_from(PATIENT.socket_send_buffer_bytes).expect("64-bit system");
    let not_sent = usize::try_from(PATIENT.socket_notsent_lowat_bytes).expect("64-bit system");
    for connect in [Player::connect, Player::connect_narrow] {
        let (in_server, in_kernel) = held(PATIENT, connect);
        // The rest of a state that is partly written, the newest one, and a ping or two.
        assert!(in_server < 2 * STATE_BYTES + 100, "{in_server} bytes in the server");
        assert!(in_kernel < 2 * send_buffer + 4_096, "{in_kernel} bytes in the kernel");
    }
    // A client that announces a small window is sent small segments: then the bound is sharp, as it
    // is on networks whose packets are smaller than the loopback's. One window is on the way.
    let (_, in_kernel) = held(PATIENT, Player::connect_narrow);
    assert!(in_kernel < not_sent + 8_192, "{in_kernel} bytes in the kernel");
    let unbounded = Limits { socket_notsent_lowat_bytes: 0, ..PATIENT };
    let (_, in_kernel) = held(unbounded, Player::connect_narrow);
    assert!(in_kernel > 2 * not_sent, "{in_kernel} bytes: the limit above would bound nothing");
}
