//! The pages in a real browser. Here that of the arena: what its players see when somebody, or the
//! server, goes; that of the teardown lab is in `lab.rs`.
//!
//! Each test starts a server and a Chromium of its own. What a test sees of the page is text that
//! is there for people, too: the score board, the notices, the banner. One test runs at a time, in
//! a binary of their own, because a browser takes a whole machine for a moment, and the load tests
//! in `it/` cannot judge a server on a machine that is taken.

use std::{
    io::Write as _,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use gamekeeper_tests::{
    chromium::{Chromium, Tab},
    program::{ServerProgram, leaves},
    skip,
};
use rustix::process::Signal;
use serde_json::Value;

mod lab;

const SERVER: &str = env!("CARGO_BIN_EXE_server-under-test");

/// What the page keeps for this tab: its way back to the seat.
const PLAYER: &str = "JSON.parse(sessionStorage.getItem('gamekeeper-way-back')).player";
/// The banner in the middle, if it is shown.
const BANNER: &str = "document.getElementById('banner').hidden ? '' \
                      : document.getElementById('banner').innerText";
/// What happened lately, as the page tells it.
const NOTICES: &str = "document.getElementById('notices').textContent";

/// The browser of this machine, and the right to use it alone; nothing if there is none.
fn browser() -> Option<(&'static str, MutexGuard<'static, ()>)> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let program = Chromium::find();
    if program.is_none() {
        skip("the page in a browser: there is no chromium");
    }
    Some((program?, ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)))
}

/// Opens the server's page as somebody with a name.
#[track_caller]
fn open(chromium: &mut Chromium, server: &ServerProgram, name: &str) -> Tab {
    let url = format!("http://{}/", server.address);
    chromium.open(&url, &[("gamekeeper-name", name)])
}

/// Waits until the page plays.
#[track_caller]
fn wait_until_playing(tab: &mut Tab) {
    let expression = "document.body.dataset.state === 'playing' \
                      && document.getElementById('summary').textContent.startsWith('Playing')";
    tab.wait_until("it plays", expression);
}

/// Waits until the score board has exactly these rows, in any order: names with their states.
#[track_caller]
fn wait_for_board(tab: &mut Tab, rows: &[(&str, &str)]) {
    let mut rows: Vec<_> = rows.iter().map(|(name, state)| format!("{name}|{state}")).collect();
    rows.sort();
    let expression = format!(
        "[...document.querySelectorAll('#scores tbody tr')]\
         .map(({{ cells }}) => `${{cells[0].textContent}}|${{cells[1].textContent}}`)\
         .sort().join() === '{}'",
        rows.join(",")
    );
    tab.wait_until("the score board is right", &expression);
}

/// Waits until the page has told something of others.
#[track_caller]
fn wait_for_notice(tab: &mut Tab, notice: &str) {
    tab.wait_until(notice, &format!("{NOTICES}.includes('{notice}')"));
}

#[track_caller]
fn expect_no_complaints(tab: &mut Tab) {
    let complaints = tab.complaints();
    assert!(complaints.is_empty(), "{complaints:#?}");
}

/// How often a connection ended for this reason, learnt in this way.
fn counted(stats: &Value, reason: &str, path: &str) -> u64 {
    let all = stats["leaves"].as_array().expect("a list");
    let found = all.iter().find(|leave| leave["reason"] == reason && leave["path"] == path);
    found.map_or(0, |leave| leave["count"].as_u64().expect("a count"))
}

/// How long the one who was thrown out for its silence had been shown as stalled, in milliseconds
/// of the server's own clock.
#[track_caller]
fn stalled_before_eviction_ms(server: &ServerProgram) -> u64 {
    let departures = |path: &str| {
        let (_, body) = server.get(path);
        let answer: Value = serde_json::from_str(&body).expect("JSON");
        answer["departures"].as_array().expect("a list").clone()
    };
    let all = departures("/api/connections");
    let evicted = all.iter().find(|one| one["reason"] == "heartbeat").expect("one was evicted");
    let id = evicted["id"].as_str().expect("an id");
    let evicted = &departures(&format!("/api/connections?id={id}"))[0];
    let history = evicted["history"].as_array().expect("a list");
    let last = |what: &str| {
        let found = history.iter().rfind(|event| event["what"] == what);
        let at_ms = found.and_then(|event| event["at_ms"].as_u64());
        at_ms.unwrap_or_else(|| panic!("no {what} in {evicted}"))
    };
    last("leaves") - last("silent")
}

#[test]
fn an_opened_page_plays_alone() {
    let Some((program, _alone)) = browser() else { return };
    let server = ServerProgram::start(SERVER, &[]);
    let mut chromium = Chromium::start(program);
    let opened = Instant::now();
    let mut tab = open(&mut chromium, &server, "Ada");
    wait_until_playing(&mut tab);
    let passed = opened.elapsed().as_millis();
    let _ = writeln!(std::io::stdout(), "opened and playing after {passed} ms");
    wait_for_board(&mut tab, &[("Ada", "")]);
    assert_eq!(tab.text(NOTICES), "");
    assert_eq!(tab.text(BANNER), "");
    let stats = server.stats();
    assert_eq!(stats["players"], 1, "{stats}");
    server.stats_until("it steers", |stats| stats["inputs_total"].as_u64() > Some(0));
    expect_no_complaints(&mut tab);
}

#[test]
fn a_killed_browser_is_seen_to_go() {
    let Some((program, _alone)) = browser() else { return };
    let server = ServerProgram::start(SERVER, &["--resume-window-ms", "3000"]);
    let mut chromium = Chromium::start(program);
    let mut ada = open(&mut chromium, &server, "Ada");
    let mut doomed = Chromium::start(program);
    let mut bob = open(&mut doomed, &server, "Bob");
    for tab in [&mut ada, &mut bob] {
        wait_until_playing(tab);
        wait_for_board(tab, &[("Ada", ""), ("Bob", "")]);
    }
    expect_no_complaints(&mut bob);
    let before = server.stats();

    doomed.kill();
    wait_for_notice(&mut ada, "Bob lost the connection, the seat is held");
    wait_for_board(&mut ada, &[("Ada", ""), ("Bob", "away")]);
    wait_for_board(&mut ada, &[("Ada", "")]);
    let said = "[...document.querySelectorAll('#notices li')]\
                .some(({ textContent }) => textContent === 'Bob lost the connection')";
    ada.wait_until("it is said that Bob left", said);
    let stats = server.stats_until("the seat is given up", |stats| stats["players"] == 1);
    // A reset if it was killed with a state unread; that is a matter of luck.
    let lost = |stats: &Value| leaves(stats, "fin") + leaves(stats, "reset");
    assert_eq!(lost(&stats) - lost(&before), 1, "{stats}");
    assert_eq!(stats["seats_given_up_total"], 1);
    assert_eq!(stats["ledger_balanced"], true);
    expect_no_complaints(&mut ada);
}

#[test]
fn a_closed_or_crashed_tab_keeps_its_seat() {
    let Some((program, _alone)) = browser() else { return };
    let server = ServerProgram::start(SERVER, &[]);
    let mut chromium = Chromium::start(program);
    let [mut ada, mut bob, mut eve] =
        ["Ada", "Bob", "Eve"].map(|name| open(&mut chromium, &server, name));
    for tab in [&mut ada, &mut bob, &mut eve] {
        wait_for_board(tab, &[("Ada", ""), ("Bob", ""), ("Eve", "")]);
        expect_no_complaints(tab);
    }
    assert_eq!(counted(&server.stats(), "ws_closed", "read"), 0);

    bob.close();
    let stats = server.stats_until("one is away", |stats| stats["players_away"] == 1);
    assert_eq!(counted(&stats, "ws_closed", "read"), 1, "{stats}");
    wait_for_notice(&mut ada, "Bob lost the connection, the seat is held");
    wait_for_board(&mut ada, &[("Ada", ""), ("Bob", "away"), ("Eve", "")]);

    // A crash of the page alone is not silent either: the browser closes for it.
    eve.crash();
    let stats = server.stats_until("two are away", |stats| stats["players_away"] == 2);
    assert_eq!(counted(&stats, "ws_closed", "read"), 2, "{stats}");
    wait_for_board(&mut ada, &[("Ada", ""), ("Bob", "away"), ("Eve", "away")]);
    expect_no_complaints(&mut ada);
}

#[test]
fn a_sleeping_tab_is_stalled_until_it_wakes() {
    let Some((program, _alone)) = browser() else { return };
    let limits =
        ["--ping-after-ms", "200", "--stalled-after-ms", "700", "--heartbeat-timeout-ms", "5000"];
    let server = ServerProgram::start(SERVER, &limits);
    let mut chromium = Chromium::start(program);
    let mut ada = open(&mut chromium, &server, "Ada");
    let mut bob = open(&mut chromium, &server, "Bob");
    for tab in [&mut ada, &mut bob] {
        wait_for_board(tab, &[("Ada", ""), ("Bob", "")]);
    }
    let before = server.stats();
    let player = bob.evaluate(PLAYER);

    bob.freeze();
    wait_for_board(&mut ada, &[("Ada", ""), ("Bob", "stalled")]);
    bob.wake();
    wait_for_board(&mut ada, &[("Ada", ""), ("Bob", "")]);
    wait_until_playing(&mut bob);
    let stats = server.stats();
    assert_eq!(stats["accepted_total"], before["accepted_total"], "the same connection: {stats}");
    assert_eq!(stats["players_away"], 0);

    // Whoever sleeps on is gone after the deadline, and takes the seat again on waking.
    bob.freeze();
    wait_for_board(&mut ada, &[("Ada", ""), ("Bob", "away")]);
    assert_eq!(counted(&server.stats(), "heartbeat", "timer"), 1);
    // A server that is late to say that somebody stalls is not late by a pause of its own.
    let stalled_ms = stalled_before_eviction_ms(&server);
    assert!(stalled_ms >= 5_000 - 700 - 500, "evicted after {stalled_ms} ms");
    bob.wake();
    wait_for_board(&mut ada, &[("Ada", ""), ("Bob", "")]);
    wait_until_playing(&mut bob);
    assert_eq!(bob.evaluate(PLAYER), player);
    expect_no_complaints(&mut ada);
    expect_no_complaints(&mut bob);
}

#[test]
fn a_reloaded_page_has_its_seat_again() {
    let Some((program, _alone)) = browser() else { return };
    let server = ServerProgram::start(SERVER, &[]);
    let mut chromium = Chromium::start(program);
    let mut tab = open(&mut chromium, &server, "Ada");
    wait_until_playing(&mut tab);
    let player = tab.evaluate(PLAYER);
    tab.evaluate("document.isOld = true");

    tab.reload();
    tab.wait_until("it is another document", "document.isOld === undefined");
    wait_until_playing(&mut tab);
    wait_for_notice(&mut tab, "Welcome back to your seat");
    wait_for_board(&mut tab, &[("Ada", "")]);
    assert_eq!(tab.evaluate(PLAYER), player);
    let stats = server.stats();
    assert_eq!(stats["resumes"]["resumed"], 1, "{stats}");
    assert_eq!(stats["players"], 1);
    assert_eq!(counted(&stats, "ws_closed", "read"), 1);
    expect_no_complaints(&mut tab);
}

#[test]
fn a_page_outlives_its_server() {
    let Some((program, _alone)) = browser() else { return };
    let mut server = ServerProgram::start(SERVER, &[]);
    let mut chromium = Chromium::start(program);
    let mut tab = open(&mut chromium, &server, "Ada");
    wait_until_playing(&mut tab);
    expect_no_complaints(&mut tab);

    server.program.signal(Signal::TERM);
    tab.wait_until("it says so", &format!("({BANNER}).includes('The server is stopping.')"));
    tab.wait_until("it looks lost", "document.body.dataset.state === 'lost'");
    assert!(server.program.wait().success());
    let server = ServerProgram::start_again(SERVER, &server, &[]);
    wait_until_playing(&mut tab);
    assert_eq!(tab.text(BANNER), "");
    wait_for_board(&mut tab, &[("Ada", "")]);
    assert_eq!(server.stats()["players"], 1);
    // Chromium itself says of each attempt that it failed while there was no server.
    for complaint in tab.complaints() {
        assert!(complaint.contains("ERR_CONNECTION_REFUSED"), "{complaint}");
    }
}

#[test]
fn a_phone_in_the_dark_shows_all_of_it() {
    let Some((program, _alone)) = browser() else { return };
    let server = ServerProgram::start(SERVER, &[]);
    let mut chromium = Chromium::start(program);
    let mut tab = chromium.open_blank();
    tab.be_a_phone(360, 640);
    for dark in [false, true] {
        tab.wish_for_dark(dark);
        tab.go(&format!("http://{}/", server.address));
        wait_until_playing(&mut tab);
        let overflow = "[document.scrollingElement.scrollWidth <= innerWidth, \
                        document.scrollingElement.scrollHeight <= innerHeight].join()";
        assert_eq!(tab.text(overflow), "true,true");
        let size = "(({ x, y, width, height }) => [x, y, width, height])\
                    (document.getElementById('arena').getBoundingClientRect()).join()";
        assert_eq!(tab.text(size), "0,0,360,640");
        let pixels = "(({ width, height }) => [width, height])\
                      (document.getElementById('arena')).join()";
        assert_eq!(tab.text(pixels), "720,1280", "as sharp as the screen");
        let outside = "[...document.querySelectorAll('main *')]\
                       .filter((one) => one.checkVisibility() && !one.closest('.unseen'))\
                       .map((one) => [one, one.getBoundingClientRect()])\
                       .filter(([, { left, right, top, bottom }]) => left < 0 || top < 0 \
                       || right > innerWidth || bottom > innerHeight)\
                       .map(([one]) => one.outerHTML).join()";
        assert_eq!(tab.text(outside), "", "nothing sticks out");
        // From a small copy: Chromium warns of pages that read a large canvas back.
        let is_dark = "(() => { const small = new OffscreenCanvas(36, 64).getContext('2d'); \
                       small.drawImage(document.getElementById('arena'), 0, 0, 36, 64); \
                       const colours = small.getImageData(0, 0, 36, 64).data \
                       .filter((_, at) => at % 4 < 3); \
                       return colours.reduce((a, b) => a + b) / colours.length < 128; })()";
        tab.wait_until("the field is as dark as is wished", &format!("{is_dark} === {dark}"));
    }
    expect_no_complaints(&mut tab);
}
