//! Records between lines of others, as a container's log has them.

use super::super::verify::Lines;
use super::*;

const OTHER: &str = "{\"timestamp\":\"2027-01-15T08:00:00Z\",\"level\":\"INFO\"}\nplain text\n\n";

fn lines_of_a_run() -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    run(rules(dir.path()), 2);
    let text = fs::read_to_string(&files(dir.path())[0]).unwrap();
    text.split_inclusive('\n').map(str::to_owned).collect()
}

fn read(text: &str, lines: Lines) -> Result<Tally, Stop> {
    let mut verifier = Verifier::new(Vec::new()).among(lines);
    verifier.file(text.as_bytes(), None).map(|()| verifier.end())
}

#[test]
fn lines_of_others_are_counted_where_they_are_allowed_and_refused_elsewhere() {
    let [first, second, third] = lines_of_a_run().try_into().unwrap();
    let long = "x".repeat(2 * LONGEST_LINE);
    let mixed = format!("{OTHER}{first}{long}\n{second}{OTHER}{third}{long}");
    let tally = read(&mixed, Lines::Mixed).unwrap();
    assert_eq!((tally.records, tally.ignored, tally.open_end), (3, 8, false));
    assert!(matches!(read(&mixed, Lines::Records), Err(Stop::Flaw { line: 1, .. })));
    let other = read(OTHER, Lines::Mixed).unwrap();
    assert_eq!((other.records, other.ignored), (0, 3));
}

#[test]
fn a_record_that_is_made_to_look_like_another_line_is_missed() {
    let [first, second, third] = lines_of_a_run().try_into().unwrap();
    for hidden in [format!(" {second}"), second.replacen("{\"ts\"", "{\"Ts\"", 1), "\n".into()] {
        let refused = read(&format!("{first}{hidden}{third}"), Lines::Mixed);
        let line = Stop::Flaw { line: 3, flaw: Flaw::Gap { before: 1, found: 3 } };
        assert_eq!(refused.unwrap_err().to_string(), line.to_string());
    }
    let changed = second.replacen("draining", "drainink", 1);
    let refused = read(&format!("{OTHER}{first}{changed}{third}"), Lines::Mixed);
    assert!(matches!(refused, Err(Stop::Flaw { line: 5, flaw: Flaw::NoLink(_) })));
}

#[test]
fn a_record_that_is_being_written_is_no_line_of_others() {
    let [first, second, _] = lines_of_a_run().try_into().unwrap();
    for length in 1..second.len() {
        let begun = second.get(..length).unwrap();
        let tally = read(&format!("{first}{begun}"), Lines::Mixed).unwrap();
        assert_eq!((tally.records, tally.ignored, tally.open_end), (1, 0, true), "{length}");
    }
}
