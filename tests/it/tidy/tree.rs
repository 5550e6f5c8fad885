//! The text files of the repository, read once per test.

use std::{fs, path::Path};

/// Folders that hold no text of ours.
const SKIPPED_FOLDERS: [&str; 2] = [".git", "target"];

/// Endings of the files that the rules look at. `run` is `.ci/run`.
const TEXT_ENDINGS: [&str; 12] =
    [".rs", ".md", ".toml", ".lock", ".yml", ".sh", ".py", "/run", ".js", ".mjs", ".ts", ".css"];

/// Endings of the files to which the rules for source files apply.
const SOURCE_ENDINGS: [&str; 4] = [".rs", ".js", ".mjs", ".ts"];

/// Endings of files that documents point to and whose contents are made by programs. They are
/// listed without their contents.
const MADE_ENDINGS: [&str; 2] = [".html", ".png"];

/// All text files of the repository.
pub(crate) struct Tree {
    /// In the order of their paths.
    pub(crate) files: Vec<File>,
}

/// One text file.
pub(crate) struct File {
    /// From the root of the repository, with `/` between the parts.
    pub(crate) path: String,
    /// What is in it.
    pub(crate) text: String,
}

impl Tree {
    /// Reads the repository that this crate was built from.
    pub(crate) fn load() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the root");
        let mut files = Vec::new();
        collect(root, "", &mut files);
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Self { files }
    }

    /// A tree made up for a test of a rule.
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let file = |(path, text): &(&str, &str)| File::new(path, text);
        Self { files: files.iter().map(file).collect() }
    }

    /// The file at exactly this path.
    pub(crate) fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    /// Files whose path ends like this.
    pub(crate) fn ending(&self, ending: &str) -> impl Iterator<Item = &File> {
        self.files.iter().filter(move |file| file.path.ends_with(ending))
    }

    /// Files that people write for machines, in any language.
    pub(crate) fn sources(&self) -> impl Iterator<Item = &File> {
        let is_source = |file: &&File| SOURCE_ENDINGS.iter().any(|end| file.path.ends_with(end));
        self.files.iter().filter(is_source)
    }

    /// Whether there is a file at this path or below it, or one whose path ends with it.
    pub(crate) fn has(&self, name: &str) -> bool {
        let name = name.trim_end_matches('/');
        let (below, inside) = (format!("{name}/"), format!("/{name}"));
        self.files.iter().any(|file| {
            file.path == name || file.path.starts_with(&below) || file.path.ends_with(&inside)
        })
    }
}

impl File {
    /// A file made up for a test of a rule.
    pub(crate) fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }
}

fn collect(folder: &Path, prefix: &str, files: &mut Vec<File>) {
    for entry in fs::read_dir(folder).expect("a folder of the repository can be read") {
        let entry = entry.expect("a folder of the repository can be read");
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
        if entry.path().is_dir() {
            if !SKIPPED_FOLDERS.contains(&name.as_str()) {
                collect(&entry.path(), &path, files);
            }
        } else if TEXT_ENDINGS.iter().any(|ending| path.ends_with(ending))
            || name.starts_with("LICENSE")
        {
            let text = fs::read_to_string(entry.path()).expect("a text file is UTF-8");
            files.push(File { path, text });
        } else if MADE_ENDINGS.iter().any(|ending| path.ends_with(ending)) {
            files.push(File { path, text: String::new() });
        }
    }
}
