//! Names of baselines: reports that are kept to compare later ones with.
//!
//! Data flow: command line -> **`BaselineName`** -> file in the folder of baselines.
//!
//! A name becomes the name of a file, so it must not be able to leave the folder.

use std::{
    error, fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

/// Where baselines are kept, if nothing else is said: below the current folder.
pub const FOLDER: &str = ".gamekeeper/baselines";

/// How the files of baselines end.
const ENDING: &str = ".json";

/// Longest name, in characters, so that any file system can keep it.
const LENGTH_MAX: usize = 100;

/// The name of a baseline: ASCII letters, digits, `-`, `_` and `.`, and first a letter or digit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BaselineName(String);

impl BaselineName {
    /// The file of the baseline in the folder of baselines.
    pub fn file_in(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{}{ENDING}", self.0))
    }

    /// The baseline that a file in the folder is, if it is one.
    pub fn of_file(name: &str) -> Option<Self> {
        name.strip_suffix(ENDING)?.parse().ok()
    }
}

impl FromStr for BaselineName {
    type Err = BadName;

    fn from_str(name: &str) -> Result<Self, BadName> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let begins_well = name.starts_with(|c: char| c.is_ascii_alphanumeric());
        if begins_well && name.chars().all(allowed) && name.len() <= LENGTH_MAX {
            Ok(Self(name.to_owned()))
        } else {
            Err(BadName(name.to_owned()))
        }
    }
}

impl fmt::Display for BaselineName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A text that cannot be the name of a baseline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadName(String);

impl fmt::Display for BadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is no name for a baseline; use at most {LENGTH_MAX} letters, digits, \"-\", \
             \"_\" and \".\", and begin with a letter or a digit",
            self.0
        )
    }
}

impl error::Error for BadName {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_is_a_name_and_no_path() {
        for good in ["a", "0.1.0", "main-2_x.y", &"x".repeat(LENGTH_MAX)] {
            assert_eq!(good.parse::<BaselineName>().expect(good).to_string(), good);
        }
        let long = "x".repeat(LENGTH_MAX + 1);
        for bad in [
            "", ".", "..", "../a", "a/b", "/a", "a\\b", ".a", "-a", "a b", "a\n", "ä", "a\0", &long,
        ] {
            let error = bad.parse::<BaselineName>().expect_err(bad).to_string();
            assert!(error.contains("begin with a letter"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn a_baseline_is_always_in_its_folder(name in "[-a./_\\\\~]{0,9}") {
            if let Ok(name) = name.parse::<BaselineName>() {
                let file = name.file_in(Path::new("folder"));
                prop_assert_eq!(file.parent(), Some(Path::new("folder")));
                let file = file.file_name().and_then(|file| file.to_str()).expect("it has one");
                prop_assert_eq!(BaselineName::of_file(file), Some(name));
            }
        }
    }

    #[test]
    fn other_files_are_no_baselines() {
        for other in ["a.txt", ".json", ".hidden.json", "a b.json", "json"] {
            assert_eq!(BaselineName::of_file(other), None, "{other}");
        }
    }
}
