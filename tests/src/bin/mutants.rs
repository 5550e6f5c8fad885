//! Plants bugs into a copy of the server, one at a time, and counts how many worlds it takes until
//! the simulation finds each.
//!
//! A bug that is not found is a hole in the simulation. Prints the table of `docs/simulation.md`.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use clap::Parser;
use gamekeeper_tests::sim::mutants::{self, Mutant};

/// Plants bugs and looks whether the simulation finds them.
#[derive(Parser)]
struct Args {
    /// Where the copy and its build go
    #[arg(long, default_value = "target/mutants")]
    into: PathBuf,
    /// Worlds after which a bug counts as not found
    #[arg(long, default_value_t = 5_000)]
    seeds: u64,
    /// Only those whose name contains this
    #[arg(long, default_value = "")]
    only: String,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned();
    let tree = args.into.join("tree");
    if let Err(error) = copy_workspace(&root, &tree) {
        say(&format!("cannot copy {} to {}: {error}", root.display(), tree.display()));
        return ExitCode::from(1);
    }
    say("| bug | what it would do to players | worlds | what is found |");
    say("|---|---|---|---|");
    let mut survivors = 0;
    for mutant in mutants::all().iter().filter(|mutant| mutant.name.contains(&args.only)) {
        let found = match plant(mutant, &root, &tree, &args) {
            Ok(found) => found,
            Err(error) => format!("not tried | {error}"),
        };
        survivors += usize::from(!found.starts_with(|first: char| first.is_ascii_digit()));
        say(&format!("| `{}` | {} | {found} |", mutant.name, mutant.harm));
    }
    if survivors == 0 { ExitCode::SUCCESS } else { ExitCode::from(3) }
}

/// What the simulation finds with this bug: how many worlds it took, and the finding.
fn plant(mutant: &Mutant, root: &Path, tree: &Path, args: &Args) -> Result<String, String> {
    let text = |path: &Path| fs::read_to_string(path).map_err(|error| error.to_string());
    let original = text(&root.join(mutant.file))?;
    let patched = mutant.apply(&original)?;
    let place = tree.join(mutant.file);
    let write = |text: &str| fs::write(&place, text).map_err(|error| error.to_string());
    write(&patched)?;
    let outcome = simulate(tree, args);
    write(&original)?;
    outcome
}

fn simulate(tree: &Path, args: &Args) -> Result<String, String> {
    let target = fs::canonicalize(&args.into).map_err(|error| error.to_string())?.join("build");
    let build = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--release", "-p", "gamekeeper-tests", "--bin", "simulate"])
        .current_dir(tree)
        .env("CARGO_TARGET_DIR", &target)
        // Built often and run shortly.
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
        .env("CARGO_PROFILE_RELEASE_DEBUG", "none")
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
        .env("CARGO_PROFILE_RELEASE_INCREMENTAL", "true")
        .output()
        .map_err(|error| error.to_string())?;
    if !build.status.success() {
        let text = String::from_utf8_lossy(&build.stderr);
        return Err(format!("it does not compile: {}", text.lines().next().unwrap_or_default()));
    }
    let seeds = args.seeds.to_string();
    let run = Command::new(target.join("release/simulate"))
        .args(["--seeds", &seeds, "--threads", "1", "--no-shrink"])
        .output()
        .map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&run.stdout);
    let Some(line) = text.lines().find_map(|line| line.strip_prefix("FOUND seed ")) else {
        return Ok(format!("**not found** in {seeds} | nothing"));
    };
    let (seed, rest) = line.split_once(',').unwrap_or((line, ""));
    let seed: u64 = seed.parse().map_err(|_| format!("no seed: {line}"))?;
    let finding = rest.split_once(": ").map_or(rest, |(_, finding)| finding);
    let finding: String = finding.chars().take(90).filter(|letter| *letter != '|').collect();
    Ok(format!("{} | {finding} |", seed + 1).trim_end_matches(" |").to_owned())
}

/// Copies what is needed to build, and nothing else.
fn copy_workspace(root: &Path, tree: &Path) -> std::io::Result<()> {
    let parts = ["Cargo.toml", "Cargo.lock", "clippy.toml", "README.md"];
    fs::create_dir_all(tree)?;
    for part in parts {
        if root.join(part).exists() {
            fs::copy(root.join(part), tree.join(part))?;
        }
    }
    for folder in ["server", "protocol", "bot-client", "loadtest", "tests", "docs"] {
        copy_folder(&root.join(folder), &tree.join(folder))?;
    }
    Ok(())
}

fn copy_folder(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, copy) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            copy_folder(&source, &copy)?;
        } else if fs::read(&source).ok() != fs::read(&copy).ok() {
            // Only what differs: what is as it was need not be built again.
            fs::copy(&source, &copy)?;
        }
    }
    Ok(())
}

fn say(line: &str) {
    let mut out = std::io::stdout();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
