//! What a report shows beside the state of rooms.

/// What a survey is to find out beside the state of rooms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Whose titles: each costs a call.
    pub titles: Titles,
    /// Whether names and addresses of outsiders are told.
    pub people: People,
}

/// Whose titles are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Titles {
    /// Those of all rooms.
    All,
    /// None.
    None,
    /// Those of rooms that are not clean.
    Unclean,
}

/// Whether names and addresses of outsiders are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum People {
    /// They stay where they are.
    Hidden,
    /// They are in the rows.
    Shown,
}
