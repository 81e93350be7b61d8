//! What an event is about: words of Webex, and labels from closed lists.

/// What happened to what: `messages.created`. Resources that have no rules of their own are `other`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Resource {
    /// A card was submitted.
    AttachmentActions,
    /// Somebody joined, left or changed.
    Memberships,
    /// A message.
    Messages,
    /// The room itself; its id is `data.id`.
    Rooms,
    /// Anything else, by its own name.
    Other(Box<str>),
}

impl Resource {
    /// From the word in an envelope or in configuration.
    pub fn named(word: &str) -> Self {
        match word {
            "attachmentActions" => Self::AttachmentActions,
            "memberships" => Self::Memberships,
            "messages" => Self::Messages,
            "rooms" => Self::Rooms,
            other => Self::Other(other.into()),
        }
    }

    /// A word from a closed list: foreign text never becomes a metric label.
    pub fn label(&self) -> &'static str {
        match self {
            Self::AttachmentActions => "attachmentActions",
            Self::Memberships => "memberships",
            Self::Messages => "messages",
            Self::Rooms => "rooms",
            Self::Other(_) => "other",
        }
    }
}

/// The second half of an event's name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verb {
    /// It is new.
    Created,
    /// It is gone.
    Deleted,
    /// The room's id changed.
    Migrated,
    /// It changed.
    Updated,
    /// Anything else, by its own name.
    Other(Box<str>),
}

impl Verb {
    /// From the word in an envelope or in configuration.
    pub fn named(word: &str) -> Self {
        match word {
            "created" => Self::Created,
            "deleted" => Self::Deleted,
            "migrated" => Self::Migrated,
            "updated" => Self::Updated,
            other => Self::Other(other.into()),
        }
    }

    /// A word from a closed list.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Deleted => "deleted",
            Self::Migrated => "migrated",
            Self::Updated => "updated",
            Self::Other(_) => "other",
        }
    }
}

/// What kind of room it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoomType {
    /// Two people, or one and a bot.
    Direct,
    /// A space.
    Group,
}

impl RoomType {
    /// A word from a closed list.
    pub fn label(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Group => "group",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_are_known_are_labels_and_all_others_are_other() {
        for word in ["attachmentActions", "memberships", "messages", "rooms"] {
            assert_eq!(Resource::named(word).label(), word);
        }
        for word in ["created", "deleted", "migrated", "updated"] {
            assert_eq!(Verb::named(word).label(), word);
        }
        for word in ["", "Messages", "all", "other", "created\n"] {
            assert_eq!(Resource::named(word), Resource::Other(word.into()));
            assert_eq!(Verb::named(word), Verb::Other(word.into()));
            assert_eq!(
                (Resource::named(word).label(), Verb::named(word).label()),
                ("other", "other")
            );
        }
        assert_eq!((RoomType::Direct.label(), RoomType::Group.label()), ("direct", "group"));
    }
}
