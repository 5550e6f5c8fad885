//! What a server of our own is told on its command line, and what that means.
//!
//! Part of [`server`](super): scenario, flags -> **arguments** -> process.

use crate::evidence::KeptEvents;

/// Whether somebody has said, or may have said in a file, how long the server holds seats.
pub(super) fn says_how_long_seats_are_held(
    extra: &[String],
    is_set: impl Fn(&str) -> bool,
) -> bool {
    given(extra, "--resume-window-ms").is_some()
        || given(extra, "--config").is_some()
        || is_set("GAMEKEEPER_RESUME_WINDOW_MS")
        || is_set("GAMEKEEPER_CONFIG")
}

/// How much a server that is told so keeps for those who come back.
pub fn kept_events(extra: &[String]) -> KeptEvents {
    let number = |flag| given(extra, flag).and_then(|value| value.replace('_', "").parse().ok());
    let usual = KeptEvents::default();
    KeptEvents {
        count_max: number("--resume-events-max").unwrap_or(usual.count_max),
        bytes_max: number("--resume-events-bytes").unwrap_or(usual.bytes_max),
    }
}

/// These arguments without the flags that others say as well.
pub fn without(args: &[String], others: &[String]) -> Vec<String> {
    let mut kept = Vec::new();
    let mut is_left_out = false;
    for arg in args {
        if arg.starts_with("--") {
            let flag = arg.split_once('=').map_or(arg.as_str(), |(flag, _)| flag);
            is_left_out = given(others, flag).is_some();
        }
        if !is_left_out {
            kept.push(arg.clone());
        }
    }
    kept
}

/// What a flag is given as, last, if it is given.
pub(super) fn given<'a>(args: &'a [String], flag: &str) -> Option<&'a str> {
    let mut found = None;
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.strip_prefix(flag) {
            Some("") => found = args.next().map(String::as_str).or(Some("")),
            Some(rest) => found = rest.strip_prefix('=').or(found),
            None => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_says_how_long_seats_are_held_is_heard() {
        let says = |line: &str, variable: &str| {
            let extra: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            says_how_long_seats_are_held(&extra, |name| name == variable)
        };
        assert!(!says("--room-size 8", "GAMEKEEPER_ROOM_SIZE"));
        assert!(says("--room-size 8 --resume-window-ms 0", ""));
        assert!(says("--resume-window-ms=0", ""));
        assert!(says("--config server.toml", ""), "the file may say it");
        assert!(says("", "GAMEKEEPER_RESUME_WINDOW_MS") && says("", "GAMEKEEPER_CONFIG"));
    }

    #[test]
    fn what_is_kept_for_those_who_come_back_is_read_from_the_flags() {
        let kept = |line: &str| {
            let extra: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            let KeptEvents { count_max, bytes_max } = kept_events(&extra);
            (count_max, bytes_max)
        };
        assert_eq!(kept(""), (64, 16_384));
        assert_eq!(kept("--resume-events-max 5 --resume-events-bytes=1_000"), (5, 1_000));
        assert_eq!(kept("--resume-events-maximum 5 --resume-events-max"), (64, 16_384));
    }

    #[test]
    fn what_is_given_twice_is_said_once() {
        let words = |text: &str| -> Vec<String> { text.split(' ').map(str::to_owned).collect() };
        let scenario = words("--room-size 20 --tick-rate=30 --resume-window-ms 1000");
        let kept = without(&scenario, &words("--tick-rate 60 --room-size=5"));
        assert_eq!(kept, words("--resume-window-ms 1000"));
        assert_eq!(without(&scenario, &words("--log-level warn")), scenario);
    }
}
