//! The files that a run writes: claimed before it, written after it.
//!
//! Data flow: options -> **`Files`** -> report -> JSON, events, page.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::{
    options::Options,
    render::{self, Html},
    report::Report,
};

/// Where a report is written to.
#[derive(Debug)]
pub(super) struct Files<'a> {
    json: Option<&'a Path>,
    events: Option<&'a Path>,
    html: Option<&'a Path>,
}

impl<'a> Files<'a> {
    /// Sees before a run, and not after a long one, that its results can be written.
    ///
    /// # Errors
    ///
    /// Which cannot, and why.
    pub(super) fn claim(options: &'a Options) -> Result<Self, String> {
        let path = |of: &'a Option<PathBuf>| of.as_deref();
        let files = Self {
            json: path(&options.json),
            events: path(&options.events),
            html: path(&options.html),
        };
        for path in files.all() {
            let opened = fs::File::options().append(true).create(true).open(path);
            opened.map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        }
        Ok(files)
    }

    /// Takes away what was made to see whether it can be written, if nothing is to be written.
    pub(super) fn discard_empty(&self) {
        for path in self.all() {
            if fs::metadata(path).is_ok_and(|file| file.is_file() && file.len() == 0) {
                // An empty file that stays does no harm.
                let _ = fs::remove_file(path);
            }
        }
    }

    /// Writes the report to all of them.
    ///
    /// # Errors
    ///
    /// Which could not be written, and why.
    pub(super) fn write(&self, report: &Report) -> Result<(), String> {
        let files = [
            (self.json, render::json(report).map_err(io::Error::other)),
            (self.events, render::events(report).map_err(io::Error::other)),
            (self.html, Ok(Html(report).to_string())),
        ];
        for (path, text) in files {
            let Some(path) = path else { continue };
            text.and_then(|text| fs::write(path, text))
                .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        }
        Ok(())
    }

    fn all(&self) -> impl Iterator<Item = &'a Path> {
        [self.json, self.events, self.html].into_iter().flatten()
    }
}
