//! The page of the teardown lab in a real browser: bots are sent in by pressing buttons, and what
//! becomes of them is read where people read it.

use gamekeeper::lab::causes::CAUSES;
use gamekeeper_tests::{
    chromium::{Chromium, Tab},
    installed::Installed,
    program::ServerProgram,
};
use rustix::process::Signal;

use super::{SERVER, browser, expect_no_complaints};

const TMPDIR: &str = env!("CARGO_TARGET_TMPDIR");
const BOTS: &str = env!("CARGO_BIN_EXE_bot-under-test");
/// Players who stay: two bots, and the witness of the page.
const SURVIVORS: u32 = 3;
const TWO_BOTS: [&str; 2] = ["--bots", "2"];

/// A server with its bots beside it.
fn start(test: &str, args: &[&str]) -> (Installed, ServerProgram) {
    let programs = [("gamekeeper", SERVER), ("gamekeeper-bot", BOTS)];
    let installed = Installed::new(TMPDIR, test, &programs);
    let server = ServerProgram::start(&installed.path("gamekeeper"), args);
    (installed, server)
}

/// Opens the page of the lab and waits for its buttons.
#[track_caller]
fn open(chromium: &mut Chromium, server: &ServerProgram) -> Tab {
    let mut tab = chromium.open(&format!("http://{}/lab", server.admin), &[]);
    tab.wait_until("it has buttons", "document.querySelector('#causes button') !== null");
    tab.evaluate("globalThis.element = (id) => document.getElementById(id)");
    tab
}

/// Waits until an element says exactly this.
#[track_caller]
fn wait_for_text(tab: &mut Tab, id: &str, text: &str) {
    let expression = format!("element('{id}').textContent === '{text}'");
    tab.wait_until(&format!("{id} is {text}"), &expression);
}

/// Waits until the page shows the survivors, and has measured how long they wait.
#[track_caller]
fn wait_for_survivors(tab: &mut Tab) {
    wait_for_text(tab, "players", &SURVIVORS.to_string());
    tab.wait_until("the witness measures", "/ms$/.test(element('wait-worst').textContent)");
}

/// Chooses one of the values of a group of radio buttons.
#[track_caller]
fn choose(tab: &mut Tab, name: &str, value: &str) {
    tab.evaluate(&format!("document.querySelector('[name={name}][value=\"{value}\"]').click()"));
}

/// Presses the button of a way to leave.
#[track_caller]
fn press(tab: &mut Tab, cause: &str) {
    let button = format!("document.querySelector('button[data-cause=\"{cause}\"]')");
    tab.wait_until("it can be pressed", &format!("{button}?.disabled === false"));
    tab.evaluate(&format!("{button}.click()"));
}

/// Waits until the newest card of a way to leave is judged; what it says, part by part.
#[track_caller]
fn verdict(tab: &mut Tab, cause: &str) -> Verdict {
    let card = format!("document.querySelector('#feed [data-cause=\"{cause}\"]')");
    let judged = format!(
        "{card}?.dataset.state === 'over' && {card}.querySelector('.others').textContent !== ''"
    );
    tab.wait_until(&format!("{cause} is judged"), &judged);
    let mut text = |what: &str| tab.text(&format!("{card}.querySelector('{what}').textContent"));
    Verdict {
        badge: text(".badge"),
        when: text(".when"),
        counted: text("code"),
        facts: text("dl"),
        others: text(".others"),
        link: tab.text(&format!("{card}.querySelector('a').getAttribute('href')")),
    }
}

/// What a card says.
#[derive(Debug)]
struct Verdict {
    badge: String,
    when: String,
    counted: String,
    facts: String,
    others: String,
    link: String,
}

#[test]
fn the_lab_shows_who_is_there_and_what_a_witness_sees() {
    let Some((program, _alone)) = browser() else { return };
    let (_installed, server) = start("lab-shows", &TWO_BOTS);
    let mut chromium = Chromium::start(program);
    let mut tab = open(&mut chromium, &server);
    wait_for_survivors(&mut tab);
    wait_for_text(&mut tab, "connections", &SURVIVORS.to_string());
    let who = "[...element('members').tBodies[0].rows].map(({ cells }) => cells[0].textContent)\
               .sort().join()";
    assert_eq!(tab.text(who), ",,the witness");
    let room = "[...element('rooms').tBodies[0].rows].map(({ cells }) => \
                [...cells].slice(0, 3).map(({ textContent }) => textContent)).join()";
    assert_eq!(tab.text(room), format!("1,arena,{SURVIVORS}"));
    tab.wait_until("ticks are judged", "/ms$/.test(element('late').textContent)");
    let line = "document.querySelector('#chart .line').getAttribute('d').startsWith('M')";
    tab.wait_until("the chart is drawn", line);
    let game = tab.text("element('game-link').href");
    assert_eq!(game, format!("http://{}/", server.address));
    assert_eq!(tab.text("element('feed').textContent"), "", "nobody has left");
    expect_no_complaints(&mut tab);
}

#[test]
fn each_button_does_what_it_says_and_the_others_stay() {
    let Some((program, _alone)) = browser() else { return };
    let (_installed, server) = start("lab-sends", &TWO_BOTS);
    let mut chromium = Chromium::start(program);
    let mut tab = open(&mut chromium, &server);
    wait_for_survivors(&mut tab);
    // The path of those that the kernel tells of depends on when the server looks.
    let orders = [
        ("close", "fin", &["event", "read", "write"][..], "m02-clean-close"),
        ("half-close", "fin", &["event", "read", "write"], "m05-half-close"),
        ("garbage", "protocol", &["read"], "m34-garbage"),
        ("flood", "flood", &["read"], "m35-flood"),
        ("stall", "slow_consumer_time", &["timer"], "m26-never-reads"),
        ("half-frame", "frame_timeout", &["timer"], "m32-byte-dribble"),
        ("ws-close", "ws_closed", &["read"], "m54-closes-its-websocket"),
        ("reset", "reset", &["event", "read", "write"], "m09-reset"),
    ];
    choose(&mut tab, "bots", "1");
    for (cause, ..) in orders {
        // The last one is the mass drop.
        if cause == "reset" {
            choose(&mut tab, "bots", "20");
        }
        press(&mut tab, cause);
    }
    for (cause, reason, paths, paragraph) in orders {
        let said = verdict(&mut tab, cause);
        let (counted, path) = said.counted.split_once(" / ").expect("reason / path");
        assert!(counted == reason && paths.contains(&path), "{cause}: {said:?}");
        assert_eq!(said.link, format!("/docs/teardown#{paragraph}"));
        let badge = if cause == "reset" { "all 20 noticed" } else { "noticed" };
        assert_eq!(said.badge, badge, "{cause}: {said:?}");
        assert!(said.when.contains("oticed "), "{cause}: {said:?}");
        for fact in ["The kernel said", "It was noticed", "Then"] {
            assert!(said.facts.contains(fact), "{cause}: {said:?}");
        }
        for other in ["While ", "tick", "the witness waited "] {
            assert!(said.others.contains(other), "{cause}: {said:?}");
        }
    }
    // Those that waited for a deadline were seen to wait.
    wait_for_survivors(&mut tab);
    let stats = server.stats();
    assert_eq!(stats["connections"]["playing"], SURVIVORS, "{stats}");
    assert_eq!(stats["ledger_balanced"], true);
    let resets = "[...element('leaves').tBodies[0].rows].map(({ cells }) => cells)\
                  .filter(([reason]) => reason.textContent === 'reset')\
                  .reduce((sum, cells) => sum + Number(cells[2].textContent), 0)";
    tab.wait_until("all are in the sums", &format!("{resets} === 20"));
    expect_no_complaints(&mut tab);
}

#[test]
fn an_event_opens_and_leads_to_its_paragraph() {
    let Some((program, _alone)) = browser() else { return };
    let (_installed, server) = start("lab-reads", &[]);
    let mut chromium = Chromium::start(program);
    let mut tab = open(&mut chromium, &server);
    choose(&mut tab, "bots", "5");
    press(&mut tab, "reset");
    verdict(&mut tab, "reset");
    tab.evaluate("document.querySelector('#feed summary').click()");
    let rows = "document.querySelectorAll('#feed tbody tr').length === 5";
    tab.wait_until("each connection is told", rows);
    let told = tab.text("document.querySelector('#feed tbody').textContent");
    assert!(told.contains("reset / ") && told.contains("accepted"), "{told}");
    // What is open stays open while more happens.
    press(&mut tab, "goodbye");
    verdict(&mut tab, "goodbye");
    let open = "document.querySelector('#feed [data-cause=reset] details').open";
    assert_eq!(tab.evaluate(open), true);
    expect_no_complaints(&mut tab);
    tab.evaluate("document.querySelector('#feed [data-cause=reset] a').click()");
    tab.wait_until("it leads there", "document.querySelector(':target')?.id === 'm09-reset'");
    expect_no_complaints(&mut tab);
}

#[test]
fn what_the_server_refuses_is_said_beside_the_button() {
    let Some((program, _alone)) = browser() else { return };
    let (_installed, server) = start("lab-refuses", &["--lab-bots-max", "3"]);
    let mut chromium = Chromium::start(program);
    let mut tab = open(&mut chromium, &server);
    let said = "document.querySelector('button[data-cause=freeze] + .said').textContent";
    choose(&mut tab, "bots", "5");
    press(&mut tab, "freeze");
    tab.wait_until("the page knows it", &format!("{said} === 'Send 1 to 3 bots.'"));
    tab.evaluate(
        "document.querySelector('#bots').focus(); document.querySelector('#bots').value = '2'",
    );
    press(&mut tab, "freeze");
    tab.wait_until("they are on the way", &format!("{said} === 'Run 1: 2 bots on the way.'"));
    press(&mut tab, "freeze");
    tab.wait_until("the server knows better", &format!("{said}.includes('lab_bots_max')"));
}

#[test]
fn a_lab_that_is_off_says_why() {
    let Some((program, _alone)) = browser() else { return };
    let (_installed, server) = start("lab-off", &["--bots", "2", "--lab", "false"]);
    let mut chromium = Chromium::start(program);
    let mut tab = open(&mut chromium, &server);
    let closed = "element('closed').textContent.includes('--lab false') \
                  && element('closed').checkVisibility()";
    tab.wait_until("it says so", closed);
    let buttons = "[...document.querySelectorAll('#causes button')].map(({ disabled }) => disabled)\
                   .join()";
    // One for each way to leave, and one for the mass drop.
    assert_eq!(tab.text(buttons), vec!["true"; CAUSES.len() + 1].join(","));
    wait_for_text(&mut tab, "players", "2");
    let words = "element('witness-words').textContent.includes('No witness')";
    tab.wait_until("there is no witness", words);
    expect_no_complaints(&mut tab);
}

#[test]
fn the_lab_outlives_its_server() {
    let Some((program, _alone)) = browser() else { return };
    let (installed, mut server) = start("lab-outlives", &[]);
    let mut chromium = Chromium::start(program);
    let mut tab = open(&mut chromium, &server);
    choose(&mut tab, "bots", "1");
    press(&mut tab, "close");
    verdict(&mut tab, "close");
    expect_no_complaints(&mut tab);

    server.program.signal(Signal::KILL);
    server.program.wait();
    let silent = "element('banner').textContent.includes('does not answer')";
    tab.wait_until("it says so", silent);
    let off = "document.querySelector('button[data-cause=close]').disabled";
    assert_eq!(tab.evaluate(off), true);
    let _server = ServerProgram::start_again(&installed.path("gamekeeper"), &server, &[]);
    let forgotten = "document.querySelector('#feed [data-cause=close]') === null";
    tab.wait_until("it begins anew", forgotten);
    press(&mut tab, "goodbye");
    let said = verdict(&mut tab, "goodbye");
    assert_eq!(said.counted, "goodbye / read", "{said:?}");
    tab.wait_until("all is well again", "element('banner').hidden");
    // Chromium itself says of each attempt that it failed while there was no server.
    for complaint in tab.complaints() {
        let is_of_the_network = complaint.contains("net::ERR_");
        assert!(is_of_the_network, "{complaint}");
    }
}

#[test]
fn the_lab_fits_a_phone_and_the_dark() {
    let Some((program, _alone)) = browser() else { return };
    let (_installed, server) = start("lab-fits", &[]);
    let mut chromium = Chromium::start(program);
    let mut tab = chromium.open_blank();
    tab.be_a_phone(390, 844);
    for dark in [false, true] {
        tab.wish_for_dark(dark);
        tab.go(&format!("http://{}/lab", server.admin));
        press(&mut tab, "goodbye");
        let said = "document.querySelector('[data-cause=goodbye] + .said')";
        tab.wait_until("it is said", &format!("{said}.textContent !== ''"));
        let is_below = format!(
            "{said}.getBoundingClientRect().bottom \
             <= {said}.parentElement.getBoundingClientRect().bottom"
        );
        assert_eq!(tab.evaluate(&is_below), true, "and can be read");
        verdict(&mut tab, "goodbye");
        tab.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })");
        let outside = "[...document.querySelectorAll('body *')]\
                       .filter((one) => one.checkVisibility() \
                       && !one.closest('.unseen, .scroll table, svg'))\
                       .map((one) => [one, one.getBoundingClientRect()])\
                       .filter(([, { left, right }]) => left < 0 || right > 390)\
                       .map(([one]) => one.outerHTML).join()";
        assert_eq!(tab.text(outside), "", "nothing sticks out");
        // A page that is too wide is shown smaller.
        assert_eq!(tab.evaluate("document.scrollingElement.scrollWidth"), 390);
        let is_dark = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g)\
                       .map(Number).reduce((a, b) => a + b) < 384";
        assert_eq!(tab.evaluate(is_dark), dark);
    }
    expect_no_complaints(&mut tab);
}
