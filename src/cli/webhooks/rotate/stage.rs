//! How far a change of secrets has come, by what the configuration lists.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::fresh::beside;
use crate::cli::common;
use crate::config::WebhookSecret;

/// Where files are written by a deployment, one after the other, their dates say nothing about which secret is new.
const WRITTEN_TOGETHER: Duration = Duration::from_mins(1);

/// Where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stage<'a> {
    /// There is one secret: before any webhook carries another, the gateway must accept that one too.
    Prepare(&'a WebhookSecret),
    /// There are two: whichever webhook does not carry the last gets it.
    Move(Pair<'a>),
}

/// The old one and the new one, in the right order as far as anybody can tell.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair<'a> {
    pub(super) old: &'a WebhookSecret,
    pub(super) new: &'a WebhookSecret,
}

/// Why it cannot be told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
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
    #[error(
        "`webhook_secret` lists {}, which is named as the new secret, before {}\n  \
         the old one stands first, the new one last: turn them around and reload every gateway; if the last one is \
         the new one, give its file another name", tamed(.new), tamed(.old)
    )]
    Backwards { new: PathBuf, old: PathBuf },
    #[error(
        "the file of the last secret of `webhook_secret`, {}, is older than that of the first\n  \
         the old one stands first, the new one last: turn them around and reload every gateway; if the last one is \
         the new one, touch its file", tamed(.0)
    )]
    Older(PathBuf),
}

fn tamed(path: &Path) -> String {
    common::tamed(&path.display().to_string())
}

/// When a file was written last, as far as that is known.
pub(super) type Written<'a> = &'a dyn Fn(&Path) -> Option<SystemTime>;

/// The order in the configuration says which one is new. In the wrong order every webhook would get the old one back,
/// so what the files say against it counts.
///
/// 1. One secret: a second is made.
/// 2. Two equal ones, or more than two: nobody knows which is new.
/// 3. The first has the name that this command gives to a new one beside the last: it is the new one.
/// 4. The file of the last is clearly older than that of the first: it is the old one.
pub(super) fn stage<'a>(
    secrets: &'a [WebhookSecret],
    written: Written<'_>,
) -> Result<Stage<'a>, Unclear> {
    match secrets {
        [] => Err(Unclear::None),
        [only] => Ok(Stage::Prepare(only)),
        [old, new] if old.secret == new.secret => Err(Unclear::Same),
        [old, new] => in_order(Pair { old, new }, written).map(Stage::Move),
        many => Err(Unclear::Many(many.len())),
    }
}

/// Rules 3 and 4.
fn in_order<'a>(pair: Pair<'a>, written: Written<'_>) -> Result<Pair<'a>, Unclear> {
    let (Some(first), Some(last)) = (&pair.old.file, &pair.new.file) else { return Ok(pair) };
    if *first == beside(last) {
        return Err(Unclear::Backwards { new: first.clone(), old: last.clone() });
    }
    match (written(first), written(last)) {
        (Some(old), Some(new)) if new + WRITTEN_TOGETHER < old => Err(Unclear::Older(last.clone())),
        _ => Ok(pair),
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
        let undated: Written<'_> = &|_| None;
        assert!(matches!(stage(&secrets(&["a"]), undated), Ok(Stage::Prepare(_))));
        let two = secrets(&["a", "b"]);
        let Ok(Stage::Move(pair)) = stage(&two, undated) else { panic!("two are a move") };
        assert_eq!((pair.old.secret.expose(), pair.new.secret.expose()), (&b"a"[..], &b"b"[..]));
        for (texts, unclear) in [
            (&[][..], Unclear::None),
            (&["a", "a"], Unclear::Same),
            (&["a", "b", "c"], Unclear::Many(3)),
        ] {
            assert_eq!(stage(&secrets(texts), undated).unwrap_err(), unclear);
        }
    }

    /// Two secrets in these files, written so many seconds after each other.
    fn staged(files: [&str; 2], seconds: [u64; 2]) -> Result<(), Unclear> {
        let secret = |file: &str| WebhookSecret {
            secret: Secret::new(file.as_bytes().to_vec()),
            file: Some(file.into()),
        };
        let at = |file: &Path| {
            let number = files.iter().position(|one| Path::new(one) == file).unwrap();
            Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1000 + seconds[number]))
        };
        stage(&files.map(secret), &at).map(|_stage| ())
    }

    #[test]
    fn the_wrong_order_is_told_and_not_carried_out() {
        let (new, old) = (PathBuf::from("/run/s.next"), PathBuf::from("/run/s"));
        let backwards = Unclear::Backwards { new, old };
        assert_eq!(staged(["/run/s.next", "/run/s"], [500, 0]), Err(backwards.clone()));
        assert_eq!(staged(["/run/s.next", "/run/s"], [0, 500]), Err(backwards));
        assert_eq!(staged(["/run/s", "/run/s.next"], [0, 500]), Ok(()));
        assert_eq!(staged(["/run/s.next", "/run/s.next.next"], [0, 0]), Ok(()), "the next time");
        let older = Err(Unclear::Older("/run/a".into()));
        assert_eq!(staged(["/run/b", "/run/a"], [61, 0]), older);
        assert_eq!(staged(["/run/b", "/run/a"], [60, 0]), Ok(()), "one deployment wrote both");
        assert_eq!(staged(["/run/b", "/run/a"], [0, 61]), Ok(()));
    }
}
