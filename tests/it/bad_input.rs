//! What operators and strangers get wrong: each gets a clear error and a fitting exit code.

use std::{fs, net::TcpListener, path::PathBuf};

use gamekeeper_tests::program::{Remains, run};

const SERVER: &str = env!("CARGO_BIN_EXE_server-under-test");

#[track_caller]
fn fails(args: &[&str], variables: &[(&str, &str)], code: i32, words: &[&str]) {
    let Remains { status, stdout, stderr } = run(SERVER, args, variables);
    assert_eq!(status.code(), Some(code), "{stderr}");
    assert_eq!(stdout, "", "nothing claims to be ready");
    for word in words {
        assert!(stderr.contains(word), "{word:?} is not in {stderr:?}");
    }
}

fn config_file(name: &str, text: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, text).expect("the target folder can be written to");
    path
}

#[test]
fn an_unknown_flag_suggests_the_right_one() {
    fails(&["--rom-size", "4"], &[], 2, &["--rom-size", "--room-size"]);
}

#[test]
fn a_bad_value_on_the_command_line_or_in_the_environment_says_what_is_allowed() {
    fails(&["--room-size", "0"], &[], 2, &["--room-size", "1 to 1000"]);
    fails(&["--listen", "7777"], &[], 2, &["--listen", "host:port"]);
    let variables = [("GAMEKEEPER_TICK_RATE", "fast")];
    fails(&[], &variables, 2, &["GAMEKEEPER_TICK_RATE", "\"fast\"", "1 to 60"]);
}

#[test]
fn a_bad_line_in_the_file_is_named_by_its_number() {
    let path = config_file("bad_value.toml", "game = \"arena\"\n\nroom_size = 0\n");
    let path = path.to_str().expect("an ordinary path");
    fails(&["--config", path], &[], 2, &["bad_value.toml, line 3", "1 to 1000"]);
    let path = config_file("bad_key.toml", "rooms = 3\n");
    let path = path.to_str().expect("an ordinary path");
    fails(&["--config", path], &[], 2, &["bad_key.toml, line 1", "\"rooms\"", "room_size"]);
    fails(&["--config", "/no/such/file"], &[], 2, &["/no/such/file"]);
}

#[test]
fn a_port_in_use_is_named_with_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("bound").to_string();
    let words = [address.as_str(), "in use", "--listen"];
    fails(&["--listen", &address, "--admin", "none"], &[], 1, &words);
    fails(&["--listen", "127.0.0.1:0", "--admin", &address], &[], 1, &words);
}

#[test]
fn an_unknown_default_game_lists_the_games() {
    fails(&["--game", "chess"], &[], 2, &["chess", "arena, benchmark, noughts"]);
}

#[test]
fn help_and_version_end_well() {
    let remains = run(SERVER, &["--help"], &[]);
    assert!(remains.status.success());
    assert!(remains.stdout.contains("--listen") && remains.stdout.contains("--hello-timeout-ms"));
    let remains = run(SERVER, &["--version"], &[]);
    assert!(remains.status.success());
    assert!(remains.stdout.starts_with("gamekeeper "), "{}", remains.stdout);
}

#[test]
fn a_file_that_stands_where_the_socket_should_be_is_not_taken_for_a_server() {
    let path = config_file("no_socket", "precious");
    let address = format!("unix:{}", path.display());
    fails(&["--listen", &address], &[], 1, &["no socket", "move it away"]);
    assert_eq!(fs::read_to_string(path).expect("it is there"), "precious");
}

#[test]
fn a_negative_number_is_a_bad_value_and_no_flag() {
    fails(&["--connections-max", "-5"], &[], 2, &["connections_max is \"-5\"", "1 to"]);
}
