//! What ARCHITECTURE.md promises and a compiler does not check: who may use whom, licences, duplicate versions, file sizes.

// Helpers of tests stand outside of the functions that clippy takes for tests.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Which rooms a room may use. A crate without a line here fails the test.
const ROOMS: &[(&str, &[&str])] = &[
    ("maru-model", &[]),
    ("maru-store", &["maru-model"]),
    ("maru-control", &["maru-model", "maru-store"]),
    ("maru-api", &["maru-model", "maru-control"]),
    ("maru-dashboard", &["maru-model", "maru-control"]),
    ("maru-linux", &[]),
    ("maru-qemu", &[]),
    ("maru-node", &["maru-model", "maru-linux", "maru-qemu"]),
    ("maru-node-sim", &["maru-model"]),
    (
        "maru",
        &[
            "maru-model",
            "maru-store",
            "maru-control",
            "maru-api",
            "maru-dashboard",
            "maru-linux",
            "maru-qemu",
            "maru-node",
            "maru-node-sim",
        ],
    ),
];

/// Licences that let Maru be Apache-2.0, as SPDX expressions name them.
const LICENCES: &[&str] = &[
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "MIT",
    "MIT-0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "0BSD",
    "Zlib",
    "Unicode-3.0",
    "CC0-1.0",
    "Unlicense",
    "BSL-1.0",
    "CDLA-Permissive-2.0",
];

/// Licences accepted for one package only, each with its reason.
const LICENCE_EXCEPTIONS: &[(&str, &str, &str)] = &[
    (
        "imbl",
        "MPL-2.0+",
        "persistent tables; file-level copyleft, used unmodified",
    ),
    ("imbl-sized-chunks", "MPL-2.0+", "part of imbl"),
    ("bitmaps", "MPL-2.0+", "part of imbl"),
];

/// Longest source file, lines. Longer ones are several rooms.
const LONGEST_FILE: usize = 700;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version=1",
            "--locked",
            "--offline",
            "--filter-platform=x86_64-unknown-linux-gnu",
        ])
        .current_dir(root())
        .output()
        .expect("cargo runs: it runs this test");
    assert!(
        output.status.success(),
        "cargo metadata: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or("")
}

#[test]
fn rooms_use_only_whom_they_may() {
    let metadata = metadata();
    let allowed: BTreeMap<&str, &[&str]> = ROOMS.iter().copied().collect();
    let members = metadata["workspace_members"].as_array().unwrap();
    let mut wrong = Vec::new();
    for package in metadata["packages"].as_array().unwrap() {
        if !members.contains(&package["id"]) {
            continue;
        }
        let name = text(package, "name");
        let Some(may) = allowed.get(name) else {
            wrong.push(format!("{name} has no line in ROOMS"));
            continue;
        };
        for dependency in package["dependencies"].as_array().unwrap() {
            let used = text(dependency, "name");
            let in_tests_only = text(dependency, "kind") == "dev";
            if used.starts_with("maru-") && !may.contains(&used) && !in_tests_only {
                wrong.push(format!("{name} uses {used}"));
            }
        }
    }
    assert!(wrong.is_empty(), "ARCHITECTURE.md forbids:\n{}", wrong.join("\n"));
}

#[test]
fn the_model_does_no_io() {
    let forbidden = [
        "std::fs",
        "std::net::Tcp",
        "std::net::Udp",
        "std::process",
        "std::time::SystemTime",
        "Instant::now",
        "getrandom",
        "tokio",
    ];
    let mut wrong = Vec::new();
    for file in sources(&root().join("crates/model/src")) {
        let text = std::fs::read_to_string(&file).unwrap();
        for word in forbidden.iter().filter(|word| text.contains(**word)) {
            wrong.push(format!("{} names {word}", file.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn licences_are_permissive() {
    let metadata = metadata();
    let mut wrong = Vec::new();
    for package in metadata["packages"].as_array().unwrap() {
        let (name, licence) = (text(package, "name"), text(package, "license"));
        let excepted = LICENCE_EXCEPTIONS.iter().any(|(n, l, _)| *n == name && *l == licence);
        if !name.starts_with("maru") && !excepted && !permits(licence) {
            wrong.push(format!("{name}: '{licence}'"));
        }
    }
    assert!(wrong.is_empty(), "licences not on the list:\n{}", wrong.join("\n"));
}

/// An SPDX expression: one alternative of an OR, and every part of an AND, must be on the list.
fn permits(expression: &str) -> bool {
    let expression = expression.replace(['(', ')'], "").replace('/', " OR ");
    expression
        .split(" AND ")
        .all(|part| part.split(" OR ").any(|one| LICENCES.contains(&one.trim())))
}

#[test]
fn one_major_version_of_each_library() {
    // Each with why it can't be one yet.
    let excused = BTreeMap::from([
        (
            "cpufeatures",
            "RustCrypto's generations: the stable rsa and ssh-key are of the older one",
        ),
        ("getrandom", "three generations of the random crates"),
        ("rand_core", "as getrandom"),
        ("rand", "as getrandom"),
        ("rand_chacha", "as getrandom"),
        ("syn", "derive macros only: not in the program"),
        (
            "synstructure",
            "as syn; the older one is of a part of rcgen that is not built",
        ),
    ]);
    let metadata = metadata();
    let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in metadata["packages"].as_array().unwrap() {
        versions
            .entry(text(package, "name").to_owned())
            .or_default()
            .insert(text(package, "version").to_owned());
    }
    let doubled: Vec<String> = versions
        .iter()
        .filter(|(name, all)| all.len() > 1 && !excused.contains_key(name.as_str()))
        .map(|(name, all)| format!("{name}: {all:?}"))
        .collect();
    assert!(doubled.is_empty(), "several versions of:\n{}", doubled.join("\n"));
}

#[test]
fn files_fit_in_a_head() {
    let mut long = Vec::new();
    for file in sources(&root().join("crates")) {
        let lines = std::fs::read_to_string(&file).unwrap().lines().count();
        if lines > LONGEST_FILE {
            long.push(format!("{}: {lines} lines", file.display()));
        }
    }
    assert!(
        long.is_empty(),
        "longer than {LONGEST_FILE} lines:\n{}",
        long.join("\n")
    );
}

fn sources(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}
