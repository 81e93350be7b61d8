//! What a scrape says, and what docs/metrics.md says, in the same shape.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// One series: its metric, and its labels without `le`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Series {
    pub(super) metric: String,
    pub(super) labels: BTreeMap<String, String>,
}

/// A scrape in the text format.
pub(super) struct Scrape {
    pub(super) types: BTreeMap<String, String>,
    pub(super) series: BTreeSet<Series>,
}

impl Scrape {
    pub(super) fn read(text: &str) -> Self {
        let types: BTreeMap<String, String> = text
            .lines()
            .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '))
            .map(|(name, kind)| (name.to_owned(), kind.to_owned()))
            .collect();
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        let series = samples.map(|line| series(line, &types)).collect();
        Self { types, series }
    }

    /// The labels that a metric has, and the values of each.
    pub(super) fn values(&self, metric: &str) -> BTreeMap<&str, BTreeSet<&str>> {
        let mut values = BTreeMap::<&str, BTreeSet<&str>>::new();
        for series in self.series.iter().filter(|series| series.metric == metric) {
            for (label, value) in &series.labels {
                values.entry(label).or_default().insert(value);
            }
        }
        values
    }
}

fn series(line: &str, types: &BTreeMap<String, String>) -> Series {
    let (name, value) = line.rsplit_once(' ').unwrap();
    value.parse::<f64>().unwrap();
    let (name, labels) = name.split_once('{').unwrap_or((name, "}"));
    let labels = labels.strip_suffix('}').unwrap();
    let pairs = labels.split_terminator("\",").map(|pair| {
        let (label, value) = pair.split_once("=\"").unwrap();
        (label.to_owned(), value.trim_end_matches('"').to_owned())
    });
    let ends = ["_bucket", "_sum", "_count"];
    let family = ends.iter().find_map(|end| name.strip_suffix(end));
    let histogram =
        family.filter(|family| types.get(*family).is_some_and(|kind| kind == "histogram"));
    let metric = histogram.unwrap_or(name).to_owned();
    Series { metric, labels: pairs.filter(|(label, _)| label != "le").collect() }
}

/// A row of the page: a metric, its type and its labels.
pub(super) struct Listed {
    pub(super) metric: String,
    pub(super) kind: String,
    pub(super) labels: BTreeSet<String>,
}

/// A row of the closed lists.
pub(super) struct Closed {
    pub(super) label: String,
    pub(super) metric: String,
    pub(super) at_once: BTreeSet<String>,
    pub(super) later: BTreeSet<String>,
}

fn docs(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
    std::fs::read_to_string(path).unwrap()
}

/// What stands between backticks.
fn words(text: &str) -> BTreeSet<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn rows(page: &str, width: usize) -> Vec<Vec<String>> {
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let cells = rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()));
    cells.map(Iterator::collect).filter(|row: &Vec<String>| row.len() == width).collect()
}

pub(super) fn listed() -> Vec<Listed> {
    let row = |row: Vec<String>| Listed {
        metric: row[0].trim_matches('`').to_owned(),
        kind: row[1].clone(),
        labels: words(&row[2]),
    };
    rows(&docs("metrics.md"), 4).into_iter().map(row).collect()
}

pub(super) fn closed() -> Vec<Closed> {
    let row = |row: Vec<String>| {
        let (at_once, later) = row[2].split_once("later").unwrap_or((&row[2], ""));
        Closed {
            label: row[0].trim_matches('`').to_owned(),
            metric: row[1].trim_matches('`').to_owned(),
            at_once: words(at_once),
            later: words(later),
        }
    };
    rows(&docs("metrics.md"), 3).into_iter().map(row).collect()
}

/// Every reason that docs/reasons.md knows, and the three of events that pass.
pub(super) fn reasons() -> BTreeSet<String> {
    let page = docs("reasons.md");
    let rows = page.lines().filter(|line| line.starts_with("| ") && line.contains('`'));
    let first = rows.map(|row| row.split('`').nth(1).unwrap().to_owned());
    first.chain(["all_members_allowed", "observe", "signature_only"].map(str::to_owned)).collect()
}
