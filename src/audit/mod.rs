//! Every room of a bot: clean, with outsiders, or unknown; and leaving those that should be left.
