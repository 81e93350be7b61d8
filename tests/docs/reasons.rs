//! docs/reasons.md

use std::fmt::Write as _;

use botwarden::gate::refusal::Refusal;
use botwarden::report::outage::Kind;

fn reasons() -> String {
    let mut page = String::from(HEAD);
    for refusal in Refusal::ALL {
        let (rule, word, family) = (refusal.rule(), refusal.label(), refusal.family().label());
        writeln!(page, "| {rule} | `{word}` | {family} | {} |", refusal.sentence()).unwrap();
    }
    page.push_str(OUTAGES);
    for kind in Kind::ALL {
        writeln!(page, "| `{}` | {} |", kind.label(), kind.sentence()).unwrap();
    }
    page
}

const HEAD: &str = "# Reasons

Every verdict has one of these reasons, in records and as the label `reason` of metrics. They are only ever added to.
An event that passes has the reason `all_members_allowed`, `signature_only` with the operator's words in `because` where
nobody was asked, or `observe` with what would have been the reason in `would`.

## Refused: the caller's fault, or the room's

In the order of the rules (`src/gate/mod.rs`). `reject`: a call was turned away before anything was believed. `deny`: an
authentic event was refused. `skip`: an authentic event that the bot has no use for.

| rule | reason | verdict | |
|---|---|---|---|
";

const OUTAGES: &str = "
## Not yet: a dependency's fault

The event waits and is tried again; a bot that had the event and did not answer in time is not called again. When
`inbox.max_age` is over, the verdict is `expired` with the last of these reasons.

| reason | |
|---|---|
";

#[test]
fn the_page_of_reasons_is_up_to_date() {
    crate::current("reasons.md", &reasons());
}
