//! The table of answers.

use http_body_util::BodyExt as _;
use uuid::Uuid;

use super::super::{Response, answer};
use super::*;

const ID: Uuid = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0007);

fn doorway(unverified: Unverified) -> Doorway {
    Doorway { route: "helpdesk".into(), answer: Answer::Accepted, unverified }
}

fn told(admission: &Admission) -> Response {
    answer(admission, Some(&doorway(Unverified::Forbidden)), ID)
}

fn status_of(admission: &Admission) -> u16 {
    told(admission).status().as_u16()
}

#[test]
fn each_refusal_has_its_status() {
    for refusal in Refusal::ALL {
        let expected = match refusal.rule() {
            1 => 404,
            2 => 405,
            3 => 413,
            4 => 408,
            5 => 503,
            6..=8 => 403,
            _ => 200,
        };
        let at_the_door = status_of(&Admission::Refused(refusal));
        let later = status_of(&Admission::Outcome(Outcome::Refused(refusal)));
        assert_eq!((at_the_door, later), (expected, expected), "{refusal}");
    }
}

#[test]
fn each_outcome_has_its_status() {
    let failed = |kind| Outcome::Failed(Outage::new(kind, "x"));
    let rows = [
        (Outcome::Delivered(200), 200),
        (Outcome::Delivered(204), 200),
        (Outcome::Delivered(302), 502),
        (Outcome::Delivered(404), 502),
        (Outcome::Delivered(500), 502),
        (Outcome::StillBusy, 200),
        (failed(Kind::UpstreamStatus), 502),
        (failed(Kind::UpstreamTimeout), 502),
        (failed(Kind::UpstreamUnreachable), 502),
        (failed(Kind::CheckTimeout), 503),
        (failed(Kind::TokenRefused), 503),
        (failed(Kind::WebexRateLimited), 503),
        (failed(Kind::WebexUnavailable), 503),
    ];
    for (outcome, expected) in rows {
        let text = format!("{outcome:?}");
        assert_eq!(status_of(&Admission::Outcome(outcome)), expected, "{text}");
    }
    assert_eq!(status_of(&Admission::Kept), 200);
    assert_eq!(status_of(&Admission::Full), 503);
}

#[test]
fn retry_after_is_one_to_five_seconds() {
    let mut waits: Vec<u16> = (0..50)
        .map(|n| answer(&Admission::Full, None, Uuid::from_u128(n)))
        .map(|response| response.headers()["retry-after"].to_str().unwrap().parse().unwrap())
        .collect();
    waits.sort_unstable();
    waits.dedup();
    assert_eq!(waits, [1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn which_rule_about_signatures_was_broken_shows_nowhere() {
    let mut told_all = Vec::new();
    for refusal in
        [Refusal::SignatureMissing, Refusal::SignatureRepeated, Refusal::SignatureMismatch]
    {
        let (head, body) = told(&Admission::Refused(refusal)).into_parts();
        let body = crate::rt::read_capped(body, 1000).await.unwrap();
        told_all.push(format!("{:?} {:?} {body:?}", head.status, head.headers));
        let quiet = doorway(Unverified::Ok);
        let quiet = answer(&Admission::Refused(refusal), Some(&quiet), ID);
        assert_eq!(quiet.status().as_u16(), 200);
        assert_eq!(quiet.headers().len(), 0);
        let nothing = quiet.into_body().frame().await;
        assert!(nothing.is_none(), "an empty body");
    }
    told_all.dedup();
    assert_eq!(told_all.len(), 1);
    let problem = told_all.concat();
    for part in ["application/problem+json", "about:blank", "Forbidden", "403"] {
        assert!(problem.contains(part), "{problem}");
    }
    assert!(problem.contains(&format!("urn:uuid:{ID}")), "{problem}");
}
