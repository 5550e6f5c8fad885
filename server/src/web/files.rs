//! The page and everything it needs, inside the program: no folder to deploy, no internet.
//!
//! Data flow: path -> **`find`** -> content type and bytes -> answer. The files themselves are in
//! `server/web/`.

/// A file of the page.
#[derive(Clone, Copy, Debug)]
pub struct File {
    /// Where it is, beginning with a slash.
    pub path: &'static str,
    /// What it is.
    pub content_type: &'static str,
    /// All of it.
    pub bytes: &'static [u8],
}

/// What is said about each file: it may change with the next version of the server, it is what
/// it says it is, and nothing may come from elsewhere.
pub const HEADERS: &[(&str, &str)] = &[
    ("Cache-Control", "no-cache"),
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "default-src 'self'; frame-ancestors 'self'"),
];

/// The content type of a page.
pub const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

/// A file of `server/web/`.
macro_rules! file {
    ($path:literal, $name:literal, $content_type:expr) => {
        File {
            path: $path,
            content_type: $content_type,
            bytes: include_bytes!(concat!("../../web/", $name)),
        }
    };
}

/// What is said about each file of the lab. It plays as well, on another port than its own.
pub const LAB_HEADERS: &[(&str, &str)] = &[
    ("Cache-Control", "no-cache"),
    ("X-Content-Type-Options", "nosniff"),
    (
        "Content-Security-Policy",
        "default-src 'self'; connect-src 'self' ws:; frame-ancestors 'self'",
    ),
];

/// The files of the game's page.
pub const FILES: &[File] = &[
    file!("/", "index.html", HTML),
    file!("/style.css", "style.css", STYLE),
    file!("/icon.svg", "icon.svg", "image/svg+xml"),
    file!("/gamekeeper.d.ts", "gamekeeper.d.ts", "text/plain; charset=utf-8"),
    file!("/arena-messages.js", "arena-messages.js", SCRIPT),
    file!("/arena.js", "arena.js", SCRIPT),
    file!("/controls.js", "controls.js", SCRIPT),
    file!("/drawing.js", "drawing.js", SCRIPT),
    file!("/gamekeeper.js", "gamekeeper.js", SCRIPT),
    file!("/interpolation.js", "interpolation.js", SCRIPT),
    file!("/memory.js", "memory.js", SCRIPT),
    file!("/panel.js", "panel.js", SCRIPT),
    file!("/prediction.js", "prediction.js", SCRIPT),
    file!("/room.js", "room.js", SCRIPT),
    file!("/scene.js", "scene.js", SCRIPT),
];

/// The files of the teardown lab, on the admin listener.
pub const LAB_FILES: &[File] = &[
    file!("/lab", "lab/index.html", HTML),
    file!("/lab/style.css", "lab/style.css", STYLE),
    file!("/lab/account.js", "lab/account.js", SCRIPT),
    file!("/lab/chart.js", "lab/chart.js", SCRIPT),
    file!("/lab/clock.js", "lab/clock.js", SCRIPT),
    file!("/lab/dom.js", "lab/dom.js", SCRIPT),
    file!("/lab/feed.js", "lab/feed.js", SCRIPT),
    file!("/lab/ledger.js", "lab/ledger.js", SCRIPT),
    file!("/lab/pulse.js", "lab/pulse.js", SCRIPT),
    file!("/lab/run.js", "lab/run.js", SCRIPT),
    file!("/lab/send.js", "lab/send.js", SCRIPT),
    file!("/lab/tables.js", "lab/tables.js", SCRIPT),
    file!("/lab/vitals.js", "lab/vitals.js", SCRIPT),
    file!("/lab/witness.js", "lab/witness.js", SCRIPT),
    file!("/lab/witness-worker.js", "lab/witness-worker.js", SCRIPT),
    file!("/lab/words.js", "lab/words.js", SCRIPT),
    file!("/lab/lab.js", "lab/lab.js", SCRIPT),
    file!("/lab/manual.css", "lab/manual.css", STYLE),
    file!("/gamekeeper.js", "gamekeeper.js", SCRIPT),
    file!("/icon.svg", "icon.svg", "image/svg+xml"),
];

/// The one of `files` at a path.
pub fn find(files: &[File], path: &str) -> Option<File> {
    files.iter().find(|file| file.path == path).copied()
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs};

    use super::*;

    /// What is beside the files for other programs, and is not for browsers.
    const NOT_SERVED: [&str; 1] = ["package.json"];

    /// The files of a folder of `server/web/` that are to be served.
    fn names_in(folder: &'static str) -> impl Iterator<Item = String> {
        let path = format!("{}/web/{folder}", env!("CARGO_MANIFEST_DIR"));
        let entries = fs::read_dir(path).expect("it is there").map(|entry| entry.expect("a file"));
        let files = entries.filter(|entry| entry.file_type().expect("a file").is_file());
        let names = files.map(|file| file.file_name().into_string().expect("ASCII"));
        let served = names.filter(|name| !NOT_SERVED.contains(&name.as_str()));
        served.map(move |name| format!("{folder}{name}"))
    }

    #[test]
    fn every_file_of_the_folders_is_served() {
        let there: BTreeSet<String> = ["", "lab/"].into_iter().flat_map(names_in).collect();
        let name = |file: &File| match file.path {
            "/" => "index.html".to_owned(),
            "/lab" => "lab/index.html".to_owned(),
            path => path.trim_start_matches('/').to_owned(),
        };
        let served: BTreeSet<String> = FILES.iter().chain(LAB_FILES).map(name).collect();
        assert_eq!(served, there);
    }

    #[test]
    fn what_is_asked_for_is_found_under_its_whole_name_only() {
        assert!(find(FILES, "/").is_some_and(|file| file.content_type == HTML));
        assert!(find(FILES, "/gamekeeper.js").is_some());
        for other in ["", "gamekeeper.js", "/../Cargo.toml", "/index.html/", "//"] {
            assert!(find(FILES, other).is_none(), "{other:?}");
        }
    }
}
