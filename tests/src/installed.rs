//! Programs in a folder of their own, under the names that they have for users: the server looks
//! for the bots beside itself.
//!
//! Data flow: the programs of this crate -> copies in a folder -> a test starts them. It starts
//! nothing itself.

use std::{
    fs,
    path::{Path, PathBuf},
    process,
};

/// A folder with programs, for one test. It is removed when it is dropped.
#[derive(Debug)]
pub struct Installed(PathBuf);

impl Installed {
    /// Copies programs, given as their names for users and where they are, into a new folder for
    /// the test `test`. `within` is the `CARGO_TARGET_TMPDIR` of the test's binary.
    #[track_caller]
    pub fn new(within: &str, test: &str, programs: &[(&str, &str)]) -> Self {
        let folder = Path::new(within).join(format!("installed-{test}-{}", process::id()));
        fs::create_dir_all(&folder).expect("a new folder");
        for (name, program) in programs {
            fs::copy(program, folder.join(name)).expect("a program is a file");
        }
        Self(folder)
    }

    /// Where the program of this name is.
    pub fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("an ordinary path").to_owned()
    }
}

impl Drop for Installed {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
