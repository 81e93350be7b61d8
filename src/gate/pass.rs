//! Who may look at a running gateway, and who may change it: bearer tokens, compared in constant time.
//!
//! Only digests of the tokens are kept. So a comparison takes as long whatever was shown, also by its length, and what
//! is in memory opens nothing.

use std::fmt;

use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};

use super::secret::Secret;

type Print = [u8; 32];

/// The tokens of a listener for operators. Its `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Passes {
    viewer: Print,
    operator: Option<Print>,
}

/// Somebody who has shown one of the tokens. [`Passes::admit`] alone makes it:
///
/// ```compile_fail
/// fn of(caller: botwarden::gate::pass::Caller) -> botwarden::gate::pass::Caller {
///     botwarden::gate::pass::Caller { ..caller }
/// }
/// ```
#[derive(Debug)]
pub struct Caller {
    role: Role,
}

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Operator,
    Viewer,
}

/// Somebody who may change the gateway. [`Caller::operator`] alone makes it:
///
/// ```compile_fail
/// let _ = botwarden::gate::pass::Operator(());
/// ```
#[derive(Debug)]
pub struct Operator(());

/// Nobody has such a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not one of the tokens")]
pub struct Unknown;

/// The token is that of a viewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this token is for looking only")]
pub struct MayOnlyLook;

impl Passes {
    /// Whoever shows `operator` may do everything; without one, nobody may change anything.
    pub fn new(viewer: &Secret, operator: Option<&Secret>) -> Self {
        Self { viewer: print(viewer.expose()), operator: operator.map(|it| print(it.expose())) }
    }

    /// With other tokens; without another one for viewers, theirs stays.
    #[must_use]
    pub fn renewed(&self, viewer: Option<&Secret>, operator: Option<&Secret>) -> Self {
        let of = |token: &Secret| print(token.expose());
        Self { viewer: viewer.map_or(self.viewer, of), operator: operator.map(of) }
    }

    /// Whether anybody may change anything.
    pub fn has_operator(&self) -> bool {
        self.operator.is_some()
    }

    /// Who shows this token.
    pub fn admit(&self, shown: &[u8]) -> Result<Caller, Unknown> {
        let shown = print(shown);
        let is = |token: &Print| token.ct_eq(&shown);
        let operator = self.operator.as_ref().map_or_else(|| Choice::from(0), is);
        let viewer = is(&self.viewer);
        match (bool::from(operator), bool::from(viewer)) {
            (true, _) => Ok(Caller { role: Role::Operator }),
            (false, true) => Ok(Caller { role: Role::Viewer }),
            (false, false) => Err(Unknown),
        }
    }
}

impl Caller {
    /// The same, if they may change the gateway.
    pub fn operator(self) -> Result<Operator, MayOnlyLook> {
        match self.role {
            Role::Operator => Ok(Operator(())),
            Role::Viewer => Err(MayOnlyLook),
        }
    }
}

impl fmt::Debug for Passes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passes(hidden)")
    }
}

fn print(token: &[u8]) -> Print {
    Sha256::digest(token).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(text.into())
    }

    #[test]
    fn each_token_opens_what_it_is_for_and_no_other_opens_anything() {
        let passes = Passes::new(&secret("look-look-look-look"), Some(&secret("change-change")));
        assert!(passes.admit(b"look-look-look-look").unwrap().operator().is_err());
        assert!(passes.admit(b"change-change").unwrap().operator().is_ok());
        let wrong: [&[u8]; 5] =
            [b"", b"look", b"change-chang", b"change-changee", b"CHANGE-CHANGE"];
        for shown in wrong {
            assert_eq!(passes.admit(shown).unwrap_err(), Unknown);
        }
    }

    #[test]
    fn without_an_operator_nobody_is_one() {
        let passes = Passes::new(&secret("look-look-look-look"), None);
        assert!(!passes.has_operator());
        assert!(passes.admit(b"").is_err() && passes.admit(&[0; 32]).is_err());
        assert!(passes.admit(b"look-look-look-look").unwrap().operator().is_err());
    }

    #[test]
    fn tokens_are_renewed_and_that_of_viewers_stays_where_there_is_no_other() {
        let passes = Passes::new(&secret("look-look-look-look"), Some(&secret("change-change")));
        let fewer = passes.renewed(None, None);
        assert!(fewer.admit(b"look-look-look-look").is_ok() && !fewer.has_operator());
        assert_eq!(fewer.admit(b"change-change").unwrap_err(), Unknown);
        let other = fewer.renewed(Some(&secret("see-see-see-see")), Some(&secret("do-do-do-do")));
        assert!(other.admit(b"do-do-do-do").unwrap().operator().is_ok());
        assert!(other.admit(b"see-see-see-see").is_ok() && other.has_operator());
        assert_eq!(other.admit(b"look-look-look-look").unwrap_err(), Unknown);
    }

    #[test]
    fn nothing_shows_a_token() {
        let passes = Passes::new(&secret("look-look-look-look"), Some(&secret("change")));
        assert_eq!(format!("{passes:?}"), "Passes(hidden)");
    }
}
