//! How far a change of secrets has come, by what the configuration lists.

use crate::config::WebhookSecret;

/// Where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stage<'a> {
    /// There is one secret: before any webhook carries another, the gateway must accept that one too.
    Prepare(&'a WebhookSecret),
    /// There are two: whichever webhook does not carry this, the last, gets it.
    Move(&'a WebhookSecret),
}

/// Why it cannot be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unclear {
    #[error("it has no `webhook_secret`")]
    None,
    #[error(
        "both secrets of `webhook_secret` are the same\n  the old one stands first, the new one last"
    )]
    Same,
    #[error(
        "`webhook_secret` lists {0} secrets\n  while one takes the place of another there are two: the old one first, the new one last"
    )]
    Many(usize),
}

/// The order in the file is what says which one is new.
pub(super) fn stage(secrets: &[WebhookSecret]) -> Result<Stage<'_>, Unclear> {
    match secrets {
        [] => Err(Unclear::None),
        [only] => Ok(Stage::Prepare(only)),
        [old, new] if old.secret == new.secret => Err(Unclear::Same),
        [_old, new] => Ok(Stage::Move(new)),
        many => Err(Unclear::Many(many.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::secret::Secret;

    fn secrets(texts: &[&str]) -> Vec<WebhookSecret> {
        let secret = |text: &&str| Secret::new(text.as_bytes().to_vec());
        texts.iter().map(|text| WebhookSecret { secret: secret(text), file: None }).collect()
    }

    #[test]
    fn the_list_says_how_far_it_has_come() {
        assert!(matches!(stage(&secrets(&["a"])), Ok(Stage::Prepare(_))));
        let two = secrets(&["a", "b"]);
        let Ok(Stage::Move(new)) = stage(&two) else { panic!("two are a move") };
        assert_eq!(new.secret.expose(), b"b");
        for (texts, unclear) in [
            (&[][..], Unclear::None),
            (&["a", "a"], Unclear::Same),
            (&["a", "b", "c"], Unclear::Many(3)),
        ] {
            assert_eq!(stage(&secrets(texts)).unwrap_err(), unclear);
        }
    }
}
