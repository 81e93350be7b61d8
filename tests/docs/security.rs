//! SECURITY.md and what belongs to it: each test that is named there exists, and each invariant has its promise.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Documents whose tables have a last column of tests.
const PAGES: [&str; 4] =
    ["SECURITY.md", "docs/attacks.md", "docs/supply-chain.md", "docs/threat-model.md"];

/// How such a column is headed.
const HEADS: [&str; 3] = ["test", "tests", "checked by"];

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// The names of all tests, of the product's own and of those around it.
fn tests() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut folders, mut names) = (vec![root.join("src"), root.join("tests")], BTreeSet::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                names.extend(named(&fs::read_to_string(path).unwrap()));
            }
        }
    }
    names
}

/// The functions below `#[test]` and `#[tokio::test]`, also with other attributes in between.
fn named(source: &str) -> Vec<String> {
    let (mut found, mut is_test) = (Vec::new(), false);
    for line in source.lines().map(str::trim) {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            is_test = true;
        } else if is_test && !line.starts_with("#[") {
            let name = line.trim_start_matches("async ").strip_prefix("fn ");
            found.extend(name.and_then(|rest| rest.split(['(', '<']).next()).map(str::to_owned));
            is_test = false;
        }
    }
    found
}

/// The last cells of every table that has such a column.
fn cells(page: &str) -> Vec<&str> {
    let (mut cells, mut inside) = (Vec::new(), false);
    for line in page.lines() {
        let last = line.strip_suffix('|').and_then(|line| line.rsplit('|').next()).map(str::trim);
        match last {
            None => inside = false,
            Some(head) if HEADS.contains(&head) => inside = true,
            Some(cell) if inside && !cell.starts_with("--") => cells.push(cell),
            Some(_) => {}
        }
    }
    cells
}

fn exists(name: &str, tests: &BTreeSet<String>) -> bool {
    match name.strip_suffix('…') {
        Some(start) => tests.iter().any(|test| test.starts_with(start)),
        // A command, or a line of a file.
        None if name.contains(' ') => true,
        None if name.contains('/') => Path::new(env!("CARGO_MANIFEST_DIR")).join(name).is_file(),
        None => tests.contains(name),
    }
}

#[test]
fn every_test_that_guards_a_promise_exists() {
    let tests = tests();
    let mut wrong = Vec::new();
    for name in PAGES {
        let page = read(name);
        let cells = cells(&page);
        assert!(!cells.is_empty(), "{name}: the tables are found");
        for cell in cells {
            let spans: Vec<_> = cell.split('`').skip(1).step_by(2).collect();
            if spans.is_empty() {
                wrong.push(format!("{name}: nothing guards: {cell}"));
            }
            let gone = spans.iter().filter(|span| !exists(span, &tests));
            wrong.extend(gone.map(|span| format!("{name}: there is no {span}")));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// A new invariant is a new promise.
#[test]
fn every_invariant_is_a_promise() {
    let numbered = |line: &str| line.split_once(". ")?.0.parse::<usize>().ok();
    let house = read("src/lib.rs");
    let invariants: Vec<usize> =
        house.lines().filter_map(|line| numbered(line.strip_prefix("//! ")?)).collect();
    let page = read("SECURITY.md");
    let promise = |line: &str| line.strip_prefix("| ")?.split_once(" | ")?.0.parse().ok();
    let promises: Vec<usize> = page.lines().filter_map(promise).collect();
    assert_eq!(promises, invariants);
    assert_eq!(promises, (1..=12).collect::<Vec<_>>());
}
