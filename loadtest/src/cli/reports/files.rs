//! The files of saved reports: reading, writing, and which file a name means.

use std::{
    convert::Infallible,
    fmt, fs, io,
    path::{Path, PathBuf},
    str::FromStr,
};

use super::output;
use crate::{
    baseline::BaselineName,
    exit::ExitStatus,
    merge::MergeError,
    saved::{Saved, SavedError},
};

/// Where a result goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Destination {
    /// To stdout, said as `-`.
    Terminal,
    /// Into this file.
    File(PathBuf),
}

impl FromStr for Destination {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(if text == "-" { Self::Terminal } else { Self::File(text.into()) })
    }
}

impl Destination {
    pub(super) fn write(&self, text: &str) -> Result<(), Trouble> {
        match self {
            Self::Terminal => output::result(text),
            Self::File(path) => {
                fs::write(path, text).map_err(|error| Trouble::Write(path.clone(), error))?;
            }
        }
        Ok(())
    }
}

/// Reads a report from a file.
pub(super) fn read(path: &Path) -> Result<Saved, Trouble> {
    Ok(read_text(path, path.display().to_string())?.0)
}

fn read_text(path: &Path, label: String) -> Result<(Saved, String), Trouble> {
    let text = fs::read(path).map_err(|error| Trouble::Read(path.to_owned(), error))?;
    let text = String::from_utf8_lossy(&text).into_owned();
    match Saved::read(label, &text) {
        Ok(saved) => Ok((saved, text)),
        Err(error) => Err(Trouble::NoReport(path.to_owned(), error)),
    }
}

/// Reads what is either a file or the name of a baseline.
pub(super) fn read_named(folder: &Path, name: &str) -> Result<Saved, Trouble> {
    let file = Path::new(name);
    let baseline = name.parse::<BaselineName>().map(|name| name.file_in(folder));
    match (file.exists(), baseline) {
        (true, Ok(baseline)) if baseline.exists() => {
            Err(Trouble::Ambiguous(name.to_owned(), baseline))
        }
        (true, _) | (false, Err(_)) => read(file),
        (false, Ok(baseline)) if baseline.exists() => {
            Ok(read_text(&baseline, format!("baseline {name}"))?.0)
        }
        (false, Ok(baseline)) => Err(Trouble::Unknown(name.to_owned(), baseline)),
    }
}

/// Keeps a report as a baseline. Says what it is and where it is now.
pub(super) fn save(
    folder: &Path,
    name: &BaselineName,
    report: &Path,
) -> Result<(Saved, PathBuf), Trouble> {
    let (saved, text) = read_text(report, name.to_string())?;
    let file = name.file_in(folder);
    // Not in place: whoever compares at this moment gets the old one or the new one.
    let new = file.with_extension("json.new");
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(&new, text))
        .and_then(|()| fs::rename(&new, &file))
        .map_err(|error| Trouble::Write(file.clone(), error))?;
    Ok((saved, file))
}

/// Which baselines there are, as text.
pub(super) fn list(folder: &Path) -> Result<String, Trouble> {
    let unreadable = |error| Trouble::Read(folder.to_owned(), error);
    let mut names = Vec::new();
    match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(unreadable(error)),
        Ok(files) => {
            for file in files {
                let file = file.map_err(unreadable)?.file_name();
                names.extend(file.to_str().and_then(BaselineName::of_file));
            }
        }
    }
    names.sort();
    if names.is_empty() {
        let folder = folder.display();
        return Ok(format!("no baselines in {folder}; keep one with `baseline save`\n"));
    }
    let line = |name: &BaselineName| match read(&name.file_in(folder)) {
        Ok(saved) => format!("{name:<20} {:<8} {}\n", saved.verdict(), saved.command()),
        Err(trouble) => format!("{name:<20} {trouble}\n"),
    };
    Ok(names.iter().map(line).collect())
}

/// Why a command could not be carried out.
#[derive(Debug)]
pub(in crate::cli) enum Trouble {
    /// A file cannot be read.
    Read(PathBuf, io::Error),
    /// A file is not a report.
    NoReport(PathBuf, SavedError),
    /// Neither a file nor a baseline, which would be that file.
    Unknown(String, PathBuf),
    /// A file, and a baseline, which is that file.
    Ambiguous(String, PathBuf),
    /// Reports cannot be put together.
    Unmergeable(MergeError),
    /// A file cannot be written.
    Write(PathBuf, io::Error),
}

impl Trouble {
    pub(in crate::cli) fn status(&self) -> ExitStatus {
        match self {
            Self::Read(..)
            | Self::NoReport(..)
            | Self::Unknown(..)
            | Self::Ambiguous(..)
            | Self::Unmergeable(_) => ExitStatus::Usage,
            Self::Write(..) => ExitStatus::Internal,
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(path, error) => write!(
                f,
                "cannot read {}: {error}; give a file that `run --json FILE` has written",
                path.display()
            ),
            Self::NoReport(path, error) => write!(f, "cannot use {}: {error}", path.display()),
            Self::Unknown(name, baseline) => write!(
                f,
                "there is no file {name} and no baseline {}; give a file that `run --json FILE` \
                 has written, or see `baseline list`",
                baseline.display()
            ),
            Self::Ambiguous(name, baseline) => write!(
                f,
                "there is a file {name} and a baseline of that name; say ./{name} for the file or \
                 {} for the baseline",
                baseline.display()
            ),
            Self::Unmergeable(error) => write!(f, "{error}"),
            Self::Write(path, error) => write!(f, "cannot write {}: {error}", path.display()),
        }
    }
}
