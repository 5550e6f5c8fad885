//! The server inside somebody else's program, where SIGPIPE may mean death.
//!
//! A program in C hosts games and is stormed with resets and ends; and every send of the server's
//! own program is looked at from outside.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use gamekeeper_protocol::Presence;
use gamekeeper_tests::{
    player::Player,
    program::{Program, run},
    skip,
};
use rustix::process::Signal;

const SERVER: &str = env!("CARGO_BIN_EXE_server-under-test");

/// Builds the program in C that is shipped as an example.
fn host_in_c() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the root");
    let temporary = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let target = temporary.parent().expect("the temporary folder is in the target folder");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--package", "gamekeeper", "--example", "embed_in_c"])
        .arg("--target-dir")
        .arg(target)
        .current_dir(root)
        .status()
        .expect("cargo has built this test");
    assert!(built.success(), "the library for C is built");
    let host = temporary.join("host-in-c");
    let linked = Command::new("cc")
        .arg(root.join("server/examples/embed_in_c.c"))
        .arg(target.join("debug/examples/libembed_in_c.a"))
        .arg("-o")
        .arg(&host)
        .args(["-lm", "-lpthread", "-ldl"])
        .status()
        .expect("whoever links Rust has a C compiler");
    assert!(linked.success(), "the program in C is linked");
    host
}

fn join(address: std::net::SocketAddr, name: &str) -> Player {
    let mut player = Player::connect(address);
    player.hello("", name);
    player.listen_until("the player is welcome", |player| player.try_welcome().is_some());
    player
}

#[test]
fn a_program_in_c_with_sigpipe_at_its_default_survives_a_storm() {
    let host = host_in_c();
    let host = host.to_str().expect("an ordinary path");
    // The control: in this very program a write without the flag is deadly.
    let remains = run(host, &["--prove"], &[]);
    assert_eq!(remains.status.signal(), Some(13), "killed by SIGPIPE: {remains:?}");

    let mut host = Program::start(host, &[]);
    let address = host.wait_for_line("listening tcp ").parse().expect("an address");
    let mut witness = join(address, "witness");
    for round in 0..20 {
        let crowd: Vec<Player> = (0..10).map(|_| join(address, "gone")).collect();
        for (number, player) in crowd.into_iter().enumerate() {
            if (number + round) % 2 == 0 {
                player.leave_by_fin();
            } else {
                player.leave_by_reset();
            }
        }
        let ticks = witness.ticks().len();
        witness.listen_until("the game goes on", |witness| {
            witness.answer_pings();
            witness.ticks().len() > ticks + 3
        });
    }
    let away = witness.presences().iter().filter(|(_, who)| *who == Presence::Away).count();
    assert!(away >= 40, "of those in its room {away} were seen to vanish");
    let ticks = witness.ticks();
    assert!(ticks.windows(2).all(|pair| pair[1] == pair[0] + 1), "every tick: {ticks:?}");
    host.poke();
    assert!(host.wait().success(), "the program is alive and ends well");
}

/// Looks at every system call that writes, from outside: what goes to a client carries the flag
/// that keeps the kernel from raising SIGPIPE.
#[test]
fn no_send_to_a_client_lacks_the_flag() {
    let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sends.strace");
    let calls = "trace=accept4,write,writev,pwritev,sendto,sendmsg,sendmmsg,sendfile,splice";
    if Command::new("strace")
        .args(["-qq", "-e", calls, "true"])
        .output()
        .is_ok_and(|output| output.status.success())
    {
        let log = log.to_str().expect("an ordinary path");
        let server = ["-D", "-f", "-qq", "-s", "0", "-e", calls, "-o", log, SERVER];
        let options = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--log-level", "warn"];
        let mut server = Program::start("strace", &[&server[..], &options].concat());
        let address = server.wait_for_line("listening tcp ").parse().expect("an address");
        server.wait_for_line("ready");
        let mut witness = join(address, "witness");
        for round in 0..10 {
            let mut crowd: Vec<Player> = (0..5).map(|_| join(address, "gone")).collect();
            match round % 3 {
                0 => crowd.into_iter().for_each(Player::leave_by_fin),
                1 => crowd.into_iter().for_each(Player::leave_by_reset),
                _ => crowd.iter_mut().for_each(|player| player.send(&[0; 4])),
            }
            let ticks = witness.ticks().len();
            witness.listen_until("the game goes on", |witness| {
                witness.answer_pings();
                witness.ticks().len() > ticks + 3
            });
        }
        server.signal(Signal::TERM);
        assert!(server.wait().success(), "the server ends well");
        witness.listen_until("the farewell", |witness| witness.goodbye().is_some());
        check_sends(&fs::read_to_string(log).expect("strace has written it"));
    } else {
        skip("the flags of every send: strace is not here, or may not trace");
    }
}

fn check_sends(log: &str) {
    let mut clients = BTreeSet::new();
    let (mut single, mut of_pieces) = (0, 0);
    for line in log.lines() {
        // "1234 sendto(13, ""..., 60, MSG_NOSIGNAL, NULL, 0) = 60"
        let Some((_, call)) = line.split_once(' ') else { continue };
        let Some((name, rest)) = call.trim_start().split_once('(') else { continue };
        if name == "accept4" {
            clients
                .extend(rest.rsplit_once("= ").and_then(|(_, fd)| fd.trim().parse::<i32>().ok()));
            continue;
        }
        let descriptor = rest.split([',', ')']).next().and_then(|fd| fd.trim().parse().ok());
        if !descriptor.is_some_and(|fd: i32| clients.contains(&fd)) {
            continue;
        }
        assert!(["sendto", "sendmsg"].contains(&name), "no other call may write: {line}");
        assert!(rest.contains("MSG_NOSIGNAL"), "a send without the flag: {line}");
        single += u32::from(name == "sendto");
        of_pieces += u32::from(name == "sendmsg");
    }
    assert!(single > 5 && of_pieces > 50, "{single} and {of_pieces} sends were seen");
}
