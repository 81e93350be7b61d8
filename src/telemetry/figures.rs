//! From the page of `/metrics` to metrics on the wire. The page is the one source: what is scraped and what is sent
//! cannot differ. Only what our own registry writes is read here; a line that it would not write is left out.

use std::borrow::Cow;
use std::time::SystemTime;

use super::wire::{
    Buckets, CUMULATIVE, Data, Figure, KeyValue, Metric, Nanos, Point, Text, nanos, text,
};

/// When counting began, and now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    pub(super) start: SystemTime,
    pub(super) now: SystemTime,
}

type Label<'a> = (&'a str, Cow<'a, str>);

/// One line with a figure.
#[derive(Debug)]
struct Sample<'a> {
    name: &'a str,
    labels: Vec<Label<'a>>,
    value: &'a str,
}

#[derive(Debug)]
struct Family<'a> {
    name: &'a str,
    help: &'a str,
    kind: &'a str,
    samples: Vec<Sample<'a>>,
}

/// Every series of the page.
pub(super) fn read(page: &str, times: Times) -> Vec<Metric<'_>> {
    families(page).into_iter().filter_map(|family| metric(family, times)).collect()
}

/// Points in all.
pub(super) fn points(metrics: &[Metric<'_>]) -> u64 {
    let points = metrics.iter().map(|metric| match &metric.data {
        Data::Gauge { data_points } | Data::Sum { data_points, .. } => data_points.len(),
        Data::Histogram { data_points, .. } => data_points.len(),
    });
    u64::try_from(points.sum::<usize>()).unwrap_or(u64::MAX)
}

fn families(page: &str) -> Vec<Family<'_>> {
    let mut families: Vec<Family<'_>> = Vec::new();
    for line in page.lines() {
        let words = line.strip_prefix("# ").and_then(|comment| comment.split_once(' '));
        match (words, families.last_mut()) {
            (Some(("HELP", rest)), _) => {
                let (name, help) = rest.split_once(' ').unwrap_or((rest, ""));
                families.push(Family { name, help, kind: "", samples: Vec::new() });
            }
            (Some(("TYPE", rest)), Some(family)) => {
                family.kind = rest.strip_prefix(family.name).unwrap_or(rest).trim();
            }
            (None, Some(family)) => family.samples.extend(sample(line)),
            (Some(_), _) | (None, None) => {}
        }
    }
    families
}

/// `name{label="value",…} value`; exemplars, which stand behind, are cut off.
fn sample(line: &str) -> Option<Sample<'_>> {
    let (name, rest) = line.split_at_checked(line.find(['{', ' '])?)?;
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(inside) => labels(inside)?,
        None => (Vec::new(), rest),
    };
    let value = rest.split(' ').find(|word| !word.is_empty())?;
    Some(Sample { name, labels, value })
}

/// `label="value",…}`, and what follows.
fn labels(mut text: &str) -> Option<(Vec<Label<'_>>, &str)> {
    let mut labels = Vec::new();
    loop {
        if let Some(outside) = text.strip_prefix('}') {
            return Some((labels, outside));
        }
        let (label, behind) = label(text)?;
        labels.push(label);
        text = behind.strip_prefix(',').unwrap_or(behind);
    }
}

/// `label="value"`, and what follows.
fn label(text: &str) -> Option<(Label<'_>, &str)> {
    let (key, quoted) = text.split_once("=\"")?;
    let mut escaped = false;
    let end = quoted.find(|letter| {
        let ends = letter == '"' && !escaped;
        escaped = letter == '\\' && !escaped;
        ends
    })?;
    let (value, behind) = quoted.split_at_checked(end)?;
    let value = if value.contains('\\') { plain(value).into() } else { value.into() };
    Some(((key, value), behind.strip_prefix('"')?))
}

/// Without the backslashes that the page needs.
fn plain(value: &str) -> String {
    let mut plain = String::new();
    let mut letters = value.chars();
    while let Some(letter) = letters.next() {
        let meant = if letter == '\\' { letters.next() } else { Some(letter) };
        plain.extend(meant.map(|it| if letter == '\\' && it == 'n' { '\n' } else { it }));
    }
    plain
}

fn metric(family: Family<'_>, times: Times) -> Option<Metric<'_>> {
    let Family { name, help, kind, samples } = family;
    // Names are those of the page, so that whoever reads both knows them again.
    let name =
        samples.first().map_or(name, |first| if kind == "histogram" { name } else { first.name });
    let data = match kind {
        "counter" => Data::Sum {
            data_points: numbers(&samples, times),
            aggregation_temporality: CUMULATIVE,
            is_monotonic: true,
        },
        "histogram" => Data::Histogram {
            data_points: histograms(name, &samples, times),
            aggregation_temporality: CUMULATIVE,
        },
        _ => Data::Gauge { data_points: numbers(&samples, times) },
    };
    // A family that nobody has counted in yet says nothing.
    (!samples.is_empty()).then_some(Metric { name, description: help, unit: unit(name), data })
}

/// The code of UCUM for the unit that the name tells.
fn unit(name: &str) -> &'static str {
    let stem = name.trim_end_matches("_total");
    let units = [("_seconds", "s"), ("_bytes", "By")];
    units.iter().find(|(end, _)| stem.ends_with(end)).map_or("", |(_, unit)| unit)
}

fn numbers<'a>(samples: &[Sample<'a>], times: Times) -> Vec<Point<'a>> {
    let point = |sample: &Sample<'a>| {
        let (start_time_unix_nano, time_unix_nano) = at(times);
        let (attributes, value) = (attributes(sample, None), figure(sample.value)?);
        Some(Point { attributes, start_time_unix_nano, time_unix_nano, value })
    };
    samples.iter().filter_map(point).collect()
}

fn at(times: Times) -> (Nanos, Nanos) {
    (nanos(times.start), nanos(times.now))
}

/// JSON has no word for what is not finite.
fn figure(value: &str) -> Option<Figure> {
    let whole = value.parse().ok().map(|number| Figure::AsInt(Text(number)));
    let broken = || value.parse().ok().filter(|it: &f64| it.is_finite()).map(Figure::AsDouble);
    whole.or_else(broken)
}

fn attributes<'a>(sample: &Sample<'a>, without: Option<&str>) -> Vec<KeyValue<'a>> {
    let kept = sample.labels.iter().filter(|(key, _)| Some(*key) != without);
    kept.map(|(key, value)| text(key, value.clone())).collect()
}

/// The registry writes all lines of one histogram together, its `_sum` first.
fn histograms<'a>(name: &str, samples: &[Sample<'a>], times: Times) -> Vec<Buckets<'a>> {
    let is_sum = |sample: &Sample<'_>| sample.name.strip_prefix(name) == Some("_sum");
    let mut all: Vec<Buckets<'a>> = Vec::new();
    let mut below = 0;
    for sample in samples {
        if is_sum(sample) {
            below = 0;
            all.push(empty(sample, times));
        }
        let Some(histogram) = all.last_mut() else { continue };
        match sample.name.strip_prefix(name) {
            Some("_count") => histogram.count = Text(sample.value.parse().unwrap_or_default()),
            Some("_bucket") => below = bucket(histogram, sample, below),
            Some(_) | None => {}
        }
    }
    all
}

fn empty<'a>(sum: &Sample<'a>, times: Times) -> Buckets<'a> {
    let (start_time_unix_nano, time_unix_nano) = at(times);
    Buckets {
        attributes: attributes(sum, None),
        start_time_unix_nano,
        time_unix_nano,
        count: Text(0),
        sum: sum.value.parse().ok().filter(|it: &f64| it.is_finite()).unwrap_or_default(),
        bucket_counts: Vec::new(),
        explicit_bounds: Vec::new(),
    }
}

/// On the page each bucket holds those below it as well; on the wire it does not, and the last has no bound.
fn bucket(histogram: &mut Buckets<'_>, sample: &Sample<'_>, below: u64) -> u64 {
    let count = sample.value.parse().unwrap_or(below);
    histogram.bucket_counts.push(Text(count.saturating_sub(below)));
    let bound = sample.labels.iter().find(|(key, _)| *key == "le");
    let bound = bound.and_then(|(_, bound)| bound.parse().ok());
    histogram.explicit_bounds.extend(bound.filter(|it: &f64| it.is_finite()));
    count
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const PAGE: &str = r#"# HELP botwarden_events Verdicts.
# TYPE botwarden_events counter
botwarden_events_total{route="a\"b\\c\nd, e} 9",reason=""} 17
botwarden_events_total{route="other",reason="x"} 0
# HELP botwarden_up_seconds How long.
# TYPE botwarden_up_seconds gauge
botwarden_up_seconds 1.5
# HELP botwarden_none Nothing yet.
# TYPE botwarden_none counter
# HELP botwarden_odd Odd.
# TYPE botwarden_odd gauge
botwarden_odd NaN
botwarden_odd{a="b"} -3
# HELP botwarden_took_seconds Took.
# TYPE botwarden_took_seconds histogram
# UNIT botwarden_took_seconds seconds
botwarden_took_seconds_sum{code="200"} 0.75
botwarden_took_seconds_count{code="200"} 4
botwarden_took_seconds_bucket{le="0.1",code="200"} 1
botwarden_took_seconds_bucket{le="1.0",code="200"} 4
botwarden_took_seconds_bucket{le="+Inf",code="200"} 4
botwarden_took_seconds_sum{code="500"} 20.0
botwarden_took_seconds_count{code="500"} 1
botwarden_took_seconds_bucket{le="0.1",code="500"} 0
botwarden_took_seconds_bucket{le="1.0",code="500"} 0
botwarden_took_seconds_bucket{le="+Inf",code="500"} 1
# EOF
"#;

    fn sent() -> serde_json::Value {
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
        let times = Times { start, now: start + Duration::from_nanos(5) };
        serde_json::to_value(read(PAGE, times)).unwrap()
    }

    #[test]
    fn what_is_counted_is_a_sum_from_the_start() {
        let label =
            serde_json::json!({"key": "route", "value": {"stringValue": "a\"b\\c\nd, e} 9"}});
        let sum = &sent()[0];
        assert_eq!(
            (&sum["name"], &sum["description"]),
            (&"botwarden_events_total".into(), &"Verdicts.".into())
        );
        let kind = (&sum["sum"]["aggregationTemporality"], &sum["sum"]["isMonotonic"]);
        assert_eq!(kind, (&2.into(), &true.into()));
        let point = &sum["sum"]["dataPoints"][0];
        assert_eq!((&point["asInt"], &point["attributes"][0]), (&"17".into(), &label));
        assert_eq!(point["startTimeUnixNano"], "1000000000");
        assert_eq!(point["timeUnixNano"], "1000000005");
        assert_eq!(sum["sum"]["dataPoints"].as_array().unwrap().len(), 2);
    }

    #[test]
    fn what_is_measured_is_a_gauge_and_what_is_no_number_is_left_out() {
        let sent = sent();
        assert_eq!(sent[1]["gauge"]["dataPoints"][0]["asDouble"], 1.5);
        assert_eq!((&sent[1]["unit"], &sent[0]["unit"]), (&"s".into(), &serde_json::Value::Null));
        assert_eq!(sent[2]["name"], "botwarden_odd", "a family without a series is left out");
        let odd = sent[2]["gauge"]["dataPoints"].as_array().unwrap();
        assert_eq!((odd.len(), &odd[0]["asInt"]), (1, &"-3".into()));
    }

    #[test]
    fn buckets_hold_what_is_between_their_bounds() {
        let sent = sent();
        assert_eq!(
            (&sent[3]["name"], &sent[3]["unit"]),
            (&"botwarden_took_seconds".into(), &"s".into())
        );
        let points = sent[3]["histogram"]["dataPoints"].as_array().unwrap();
        let figures =
            |at: usize| (&points[at]["count"], &points[at]["sum"], &points[at]["bucketCounts"]);
        let json = |value: serde_json::Value| value;
        assert_eq!(figures(0), (&"4".into(), &0.75.into(), &json(["1", "3", "0"].into())));
        assert_eq!(figures(1), (&"1".into(), &20.0.into(), &json(["0", "0", "1"].into())));
        assert_eq!(points[0]["explicitBounds"], json([0.1, 1.0].into()));
        assert_eq!(points[1]["attributes"][0]["value"]["stringValue"], "500");
        assert_eq!(points.len(), 2);
    }
}
