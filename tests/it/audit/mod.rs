//! Audits against the simulator: what each room is, and what is left.

mod departures;
mod ledger;
mod surveys;
mod telling;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use botwarden::audit::{Auditor, Ledger, Parts, People, Row, Survey, Titles, Wish};
use botwarden::config::Config;
use botwarden::gate::id::{Key, Room, RoomId};
use botwarden::report::outage::Outage;
use botwarden::simulator::{self, Control, Fault, Misbehaviour, Options, Running, Simulator};
use botwarden::webex::{Claim, Client, Effort};

use crate::harness::setup::reporter;
use crate::harness::told::Told;
use crate::harness::{PEOPLE, Setup};

const QUICK: Effort =
    Effort { claim: Claim::Survey, give_up_after: Duration::from_secs(5), attempts: 2 };
const PLAIN: Wish = Wish { titles: Titles::None, people: People::Hidden };

/// A Webex with a bot in it, and what audits it.
struct Scene {
    control: Control,
    config: Config,
    told: Told,
    ledger: Arc<Ledger>,
    #[expect(dead_code, reason = "the simulator ends with it")]
    running: Running,
}

impl Scene {
    /// `rooms` is YAML of the simulator's world.
    async fn start(rooms: &str) -> Self {
        Self::of(Setup::new(), rooms).await
    }

    async fn of(setup: Setup, rooms: &str) -> Self {
        let world = simulator::World::from_yaml(&format!("{PEOPLE}\nrooms:\n{rooms}")).unwrap();
        let running = Simulator::start(world, Options::default()).await.unwrap();
        let mut config = setup.load(running.api().as_str(), "http://127.0.0.1:1").unwrap();
        config.webex.requests_per_minute = 1_000_000;
        let ledger = Arc::new(Ledger::in_memory());
        Self { control: running.control(), config, told: Told::default(), ledger, running }
    }

    async fn auditor(&self) -> Auditor {
        self.auditor_by(QUICK).await
    }

    async fn auditor_by(&self, effort: Effort) -> Auditor {
        let (bot, reporter) = ("helpdesk".into(), reporter(&self.config, &self.told));
        let token = &self.config.bots[&bot].token;
        let client =
            Client::new(Arc::clone(&bot), token, &self.config.webex, Arc::clone(&reporter));
        let client = Arc::new(client.unwrap());
        let own = client.me().await.unwrap().id.key();
        let (config, ledger) = (&self.config, Arc::clone(&self.ledger));
        let parts = Parts { bot: &bot, config, client, own, effort, ledger, reporter };
        let auditor = Auditor::new(parts).unwrap();
        self.control.clear_log();
        auditor
    }

    async fn survey(&self) -> Survey {
        survey(&self.auditor().await).await.unwrap()
    }

    /// The id of a room's UUID.
    fn key(&self, room: &str) -> Key<Room> {
        RoomId::parse(&self.control.room(room).unwrap().id).unwrap().key()
    }

    fn row(&self, survey: &Survey, room: &str) -> Row {
        row(survey, &self.key(room).to_string())
    }

    /// Calls that change something.
    fn writes(&self) -> Vec<(String, String)> {
        let calls = self.control.calls().into_iter().filter(|call| call.method != "GET");
        calls.map(|call| (call.method, call.path.split('/').nth(1).unwrap().to_owned())).collect()
    }

    /// Hits every question who is in a room, and not the question in which rooms the bot is.
    fn fault(&self, misbehaviour: Misbehaviour) {
        self.control.fault(in_rooms(misbehaviour));
    }
}

fn in_rooms(misbehaviour: Misbehaviour) -> Fault {
    Fault::new(misbehaviour).on("/memberships").asking("roomId=")
}

async fn survey(auditor: &Auditor) -> Result<Survey, Outage> {
    auditor.survey(PLAIN, HashMap::new(), &()).await
}

fn row(survey: &Survey, uuid: &str) -> Row {
    survey.rows.iter().find(|row| *row.room == *uuid).unwrap().clone()
}

/// Rooms in each state: clean, with outsiders, unknown.
fn counts(survey: &Survey) -> (usize, usize, usize) {
    let counts = survey.counts();
    (counts.clean, counts.outsiders, counts.unknown)
}
