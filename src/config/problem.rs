//! What is wrong with a configuration, where, and what to do about it.

use std::fmt;

use serde::{Serialize, Serializer};

/// A place in the file; both count from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl Place {
    /// The first character of the file.
    pub const START: Self = Self { line: 1, column: 1 };
}

/// Whether a configuration can be used in spite of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// No.
    Error,
    /// Yes, but somebody should look.
    Warning,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// Which mistake it is. Codes are API: they are only ever added.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// Every code, in order.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Such as `E014`; the first letter tells the severity.
            pub fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

codes! {
    /// The text is not YAML, or YAML of a kind that has no place in a configuration.
    NotYaml = "E001";
    /// The file is too large to be a configuration.
    TooLarge = "E002";
    /// The file is not UTF-8.
    NotUtf8 = "E003";
    /// There is a second document in the file.
    SecondDocument = "E004";
    /// An alias: what counts would stand somewhere else.
    Alias = "E005";
    /// The file cannot be read.
    Unreadable = "E006";
    /// More mistakes than anybody wants to see at once.
    TooMany = "E007";
    /// This version of the format is not known.
    Version = "E010";
    /// A key that must be there is not.
    MissingKey = "E011";
    /// The same key twice.
    RepeatedKey = "E012";
    /// A list where a word should be, and the like.
    WrongType = "E013";
    /// There is no such key.
    UnknownKey = "E014";
    /// None of the words that may stand there.
    UnknownWord = "E015";
    /// A value that cannot be read: a duration, a size, an address, an id, …
    BadValue = "E016";
    /// Too little or too much.
    OutOfBounds = "E017";
    /// A name that cannot be a label in metrics.
    BadName = "E018";
    /// An organisation without an entry in `orgs`.
    UnknownOrg = "E020";
    /// The organisation that all free accounts share.
    ConsumerOrg = "E021";
    /// `observe` without an end.
    EndlessObserving = "E022";
    /// `observe_until` lies in the past or too far away.
    BadObserveUntil = "E023";
    /// `observe_until` without `observe`.
    IdleObserveUntil = "E024";
    /// A route would let through more than the policy at the top.
    WiderThanTop = "E025";
    /// `room` for a resource of which no room is known.
    NoRoomKnown = "E026";
    /// Nobody would be let through.
    NobodyAllowed = "E027";
    /// A secret that stands in the file.
    WrittenSecret = "E031";
    /// A secret that cannot be read.
    UnreadableSecret = "E032";
    /// A secret without a single byte.
    EmptySecret = "E033";
    /// A webhook secret, or a token of operators, that is too short.
    WeakSecret = "E034";
    /// A webhook secret that is also a token.
    SecretIsToken = "E035";
    /// A token or a key that cannot be used as one.
    UnusableSecret = "E036";
    /// Two routes with one path.
    RepeatedPath = "E040";
    /// A path that cannot be a route's.
    BadPath = "E041";
    /// A bot without an entry in `bots`.
    UnknownBot = "E042";
    /// The gateway would call itself.
    Loop = "E043";
    /// A header that is not the operator's to set.
    BadHeader = "E044";
    /// A URL that cannot be used there.
    BadUrl = "E045";
    /// Two listeners on one address.
    ListenClash = "E046";
    /// An environment variable with a value that cannot be used.
    BadVariable = "E050";
    /// A file that is named and cannot be read.
    MissingFile = "E051";
    /// Webhooks are to be looked after, and nobody knows where they should lead.
    NoPublicUrl = "E060";
    /// One event named twice: in one list, or by two routes of one bot.
    RepeatedEvent = "E061";
    /// A bot with several routes, and nobody knows which webhooks lead to which.
    UnclearEvents = "E062";
    /// One token for two bots, and the webhooks of one of them are put in order: each would undo the other's.
    RivalBots = "E063";
    /// Operators' tokens would go over a network in clear.
    ExposedAdmin = "E070";
    /// Nobody could call the listener for operators.
    NoHosts = "E071";
    /// One token for those who look and those who change.
    OneTokenForBoth = "E072";
    /// A token in a variable and in a file that another variable names.
    TwoPlaces = "E073";
    /// The address of an OTLP endpoint that already leads to one kind of what is sent.
    SignalPath = "E080";
    /// An organisation that no policy names.
    UnusedOrg = "W101";
    /// A bot without a route.
    UnusedBot = "W102";
    /// The bot may be reachable around the gateway.
    WayAround = "W103";
    /// A drain that outlasts what Kubernetes usually grants.
    LongDrain = "W104";
    /// One webhook secret for two bots.
    SharedSecret = "W105";
    /// A secret file that others may read.
    ReadableSecret = "W106";
    /// `answer_within` without `answer: delivered`.
    IdleAnswerWithin = "W107";
    /// Two names for one organisation.
    OrgTwice = "W108";
    /// Nothing to listen for.
    NoRoutes = "W109";
    /// A secret of very few different bytes.
    GuessableSecret = "W110";
    /// Refusals are not enforced yet.
    Observing = "W111";
    /// A setting that means nothing as long as another one stands as it does.
    Idle = "W112";
    /// An audit may ask for more than the budget of its token.
    GreedyAudit = "W113";
    /// Rooms are to be left by a bot whose refusals are not enforced.
    NothingLeft = "W114";
    /// One token for two bots.
    SharedToken = "W115";
    /// Webhooks are looked after, and none leads to any route of the bot.
    NoEvents = "W116";
    /// A foreign target leads to a route of the gateway by another spelling of its host.
    OtherSpelling = "W117";
    /// Webhooks for events that the route always refuses.
    RefusedEvents = "W118";
    /// Operators' tokens go over a network in clear, as was allowed.
    PlainAdmin = "W122";
    /// The port of OTLP over gRPC, which is not spoken here.
    GrpcPort = "W125";
    /// The certificate of the listener has expired, or will soon, or is not valid yet.
    Expiring = "W127";
    /// The certificate of the listener is not for the host of `public_url`.
    OtherHost = "W128";
    /// The last day of observing is over: refusals are enforced.
    ObservingOver = "W130";
    /// A variable opens a listener wider than the file says.
    WiderListen = "W131";
}

impl Code {
    /// Whether it stops the configuration from being used.
    pub fn severity(self) -> Severity {
        if self.text().starts_with('E') { Severity::Error } else { Severity::Warning }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.text())
    }
}

/// One mistake. Nothing in it is secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Whether it is an error.
    pub severity: Severity,
    /// Which mistake.
    pub code: Code,
    /// The key, such as `routes.helpdesk.upstream`, or the environment variable; empty for the file as a whole.
    pub path: Box<str>,
    /// Where in the file; nowhere when the file is not at fault.
    #[serde(flatten)]
    pub place: Option<Place>,
    /// What is wrong.
    pub message: Box<str>,
    /// What to do.
    pub hint: Option<Box<str>>,
    /// Whether the line must not be shown.
    #[serde(skip)]
    pub hidden: bool,
}

impl Problem {
    /// A problem of the file as a whole.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            severity: code.severity(),
            code,
            path: Box::default(),
            place: None,
            message: tamed(&message.into()),
            hint: None,
            hidden: false,
        }
    }

    /// With advice.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(tamed(&hint.into()));
        self
    }

    /// With a place.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// With a key.
    #[must_use]
    pub fn on(mut self, path: impl Into<Box<str>>) -> Self {
        self.path = path.into();
        self
    }

    /// Without its line: there may be a secret in it.
    #[must_use]
    pub fn hide(mut self) -> Self {
        self.hidden = true;
        self
    }

    /// Whether it is an error.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// Text from the file inside a message: short, and nothing in it that a terminal would obey.
pub(super) fn quoted(text: &str) -> String {
    const LONGEST: usize = 60;
    let short: String = text.chars().take(LONGEST).map(tame).collect();
    let more = if text.chars().nth(LONGEST).is_some() { "…" } else { "" };
    format!("`{short}{more}`")
}

/// The path of a file inside a message. What has several lines, or begins like a key, is what should be in the file.
pub(super) fn quoted_path(path: &str) -> String {
    if is_content(path) { "this: it is no path".to_owned() } else { quoted(path) }
}

/// Whether it is a key or a certificate (PEM, RFC 7468) in place of the path to one.
pub(super) fn is_content(path: &str) -> bool {
    path.contains("-----BEGIN") || path.contains(char::is_control)
}

fn tamed(text: &str) -> Box<str> {
    text.chars().map(tame).collect::<String>().into()
}

/// Control characters, foreign ends of lines, and those that turn the direction of writing around become a visible mark.
pub(crate) fn tame(character: char) -> char {
    match character {
        '\t' => ' ',
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            '\u{fffd}'
        }
        other if other.is_control() => '\u{fffd}',
        other => other,
    }
}

/// The candidate that was probably meant.
pub(super) fn similar<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let word = word.to_lowercase();
    let distance = |other: &str| strsim::damerau_levenshtein(&word, &other.to_lowercase());
    candidates
        .into_iter()
        .map(|other| (distance(other), other))
        .filter(|(distance, other)| *distance <= (other.len() / 3).clamp(1, 3))
        .min()
        .map(|(_, other)| other)
}

/// [`similar`] as advice.
#[expect(single_use_lifetimes, reason = "an anonymous lifetime in `impl Trait` is not stable")]
pub(super) fn did_you_mean<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    similar(word, candidates).map(|other| format!("did you mean `{other}`?"))
}
