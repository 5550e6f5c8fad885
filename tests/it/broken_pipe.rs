//! The question that this project answers: a room is broadcasting, one client is gone, and the
//! server writes to it.
//!
//! The first write after the client's FIN succeeds, the next one fails with EPIPE (after a reset:
//! the first one, with ECONNRESET). Exactly that player leaves; the others get one notice and
//! every tick; the process lives, whatever SIGPIPE does.

use gamekeeper::{
    LeaveCause,
    client::leave::{LeavePath, LeaveReason},
    hub::Errno,
    shell::net::Send,
};
use gamekeeper_protocol::{ClientMessage, Departed};
use gamekeeper_tests::{
    player::Player,
    program::{Program, ServerProgram, run},
    rig::{AT_ONCE, Rig},
};

const EPIPE: Errno = Errno(32);
const ECONNRESET: Errno = Errno(104);

/// Three players in a room; the third leaves in some way, and everybody else is watched.
#[track_caller]
fn one_vanishes(rig: &mut Rig, leave: fn(Player), reason: LeaveReason, path: LeavePath) {
    let mut others = [rig.join("ada"), rig.join("bob")];
    let gone = rig.join("eve");
    let gone_id = gone.id.expect("welcome");
    rig.turn_ticks(3);
    leave(gone);
    rig.turn_until("the leave is counted", |rig| rig.left_in_all() > 0);
    rig.turn_ticks(5);

    assert_eq!((rig.left(reason, path), rig.left_in_all()), (1, 1), "one leave, of this kind");
    assert!(rig.event_loop.hub().ledger_balances());
    assert_eq!(rig.event_loop.hub().population().playing, 2);
    for other in &mut others {
        other.listen();
        assert_eq!(other.end, None, "nobody else is evicted");
        let notice = Departed { player: gone_id, cause: LeaveCause::Disconnected };
        assert_eq!(other.departures(), [[notice]], "one notice, of one player");
        let ticks = other.ticks();
        assert!(ticks.windows(2).all(|pair| pair[1] == pair[0] + 1), "every tick: {ticks:?}");
        assert!(ticks.len() >= 8, "the game went on: {ticks:?}");
    }
}

/// What came of the last sends to the one that vanished: sends to the others always succeed.
fn ends_with_failure(sends: &[Send], errno: Errno) -> bool {
    sends.iter().filter(|send| matches!(send, Send::Failed(_))).eq([&Send::Failed(errno)])
}

#[test]
fn a_fin_is_seen_before_the_write() {
    let mut rig = Rig::new(AT_ONCE);
    one_vanishes(&mut rig, Player::leave_by_fin, LeaveReason::Fin, LeavePath::Event);
}

#[test]
fn a_reset_is_seen_before_the_write() {
    let mut rig = Rig::new(AT_ONCE);
    one_vanishes(&mut rig, Player::leave_by_reset, LeaveReason::Reset, LeavePath::Event);
}

/// Who closes after the turn's first look is found by the second one, and not written to at all.
#[test]
fn a_peer_that_goes_within_the_turn_is_seen_before_the_write() {
    let mut rig = Rig::new(AT_ONCE);
    let _others = [rig.join("ada"), rig.join("bob")];
    let gone = rig.join("eve");
    rig.turn_ticks(3);
    rig.event_loop.net_mut().before_last_look(move || gone.leave_by_fin());
    rig.turn_until("the last look was taken", |rig| {
        rig.event_loop.net().sends_before_last_look.is_some()
    });
    let net = rig.event_loop.net();
    let sends_of_the_turn = net.sends.len() - net.sends_before_last_look.expect("it was taken");
    assert_eq!(sends_of_the_turn, 2, "to those that are still there, and to nobody else");
    assert_eq!(rig.left(LeaveReason::Fin, LeavePath::Event), 1);
}

/// The race that no poll can close, made certain: the hint is kept from the loop.
#[test]
fn the_write_after_the_first_one_gets_epipe_and_evicts_that_player_alone() {
    let mut rig = Rig::blind(AT_ONCE);
    one_vanishes(&mut rig, Player::leave_by_fin, LeaveReason::Fin, LeavePath::Write);
    let sends = &rig.event_loop.net().sends;
    assert!(ends_with_failure(sends, EPIPE), "one EPIPE, and no send after it");
}

#[test]
fn a_write_into_a_reset_gets_econnreset_and_evicts_that_player_alone() {
    let mut rig = Rig::blind(AT_ONCE);
    one_vanishes(&mut rig, Player::leave_by_reset, LeaveReason::Reset, LeavePath::Write);
    let sends = &rig.event_loop.net().sends;
    assert!(ends_with_failure(sends, ECONNRESET), "one ECONNRESET, and no send after it");
}

/// What somebody has said before it was gone counts, also if only a write finds out.
#[test]
fn a_goodbye_in_the_last_moment_before_the_write_is_a_goodbye() {
    let mut rig = Rig::new(AT_ONCE);
    let mut gone = rig.join("eve");
    rig.turn_ticks(3);
    rig.event_loop.net_mut().before_write(move || {
        gone.say(&ClientMessage::Goodbye);
        gone.leave_by_reset();
    });
    rig.turn_until("the leave is counted", |rig| rig.left_in_all() > 0);
    let sends = &rig.event_loop.net().sends;
    assert!(ends_with_failure(sends, ECONNRESET), "the write failed");
    assert_eq!(rig.left(LeaveReason::Goodbye, LeavePath::Read), 1);
}

/// The program that is shipped has a second line of defence, for what is no socket: whoever reads
/// its log may go away, too.
#[test]
fn the_server_program_ignores_sigpipe() {
    let server = ServerProgram::start(env!("CARGO_BIN_EXE_server-under-test"), &[]);
    let path = format!("/proc/{}/status", server.program.id());
    let status = std::fs::read_to_string(path).expect("the process is there");
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).expect("a mask");
    let ignored = u64::from_str_radix(ignored.trim(), 16).expect("hexadecimal");
    assert_ne!(ignored & (1 << (13 - 1)), 0, "SIGPIPE is signal 13: {ignored:x}");
}

/// The control of the next test: in that program, a write without the flag is deadly.
#[test]
fn sigpipe_really_has_its_default_action_in_the_host_program() {
    use std::os::unix::process::ExitStatusExt as _;
    let remains = run(env!("CARGO_BIN_EXE_sigpipe-host"), &["--prove"], &[]);
    assert_eq!(remains.status.signal(), Some(13), "killed by SIGPIPE: {remains:?}");
}

#[test]
fn with_sigpipe_at_its_default_the_process_survives_every_broken_pipe() {
    let mut host = Program::start(env!("CARGO_BIN_EXE_sigpipe-host"), &[]);
    let address = host.wait_for_line("listening tcp ").parse().expect("an address");
    let join = |name: &str| {
        let mut player = Player::connect(address);
        player.hello("", name);
        player.listen_until("the player is welcome", |player| player.try_welcome().is_some());
        player
    };
    let mut witness = join("witness");
    let mut crowd = Vec::new();
    for round in 0..20 {
        let gone = join("gone");
        let gone_id = gone.id.expect("welcome");
        if round % 2 == 0 {
            gone.leave_by_fin();
        } else {
            gone.leave_by_reset();
        }
        // Newcomers make membership frames, so that some writes are of several pieces: those take
        // another system call, which needs the flag as well.
        crowd.push([join("newcomer"), join("newcomer")]);
        witness.listen_until("the witness hears of it", |witness| {
            witness.departures().iter().flatten().any(|departed| departed.player == gone_id)
        });
    }
    assert_eq!(witness.end, None);
    drop((witness, crowd));
    host.poke();
    assert!(host.wait().success(), "the host program is alive and ends well");
    let accepted = host.wait_for_line("accepted ");
    assert_eq!(accepted, "61 left 61");
    assert!(host.wait_for_line("by write ").parse::<u32>().expect("a count") >= 20);
}
