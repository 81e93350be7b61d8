//! Who is in a room.
