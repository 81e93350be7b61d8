//! Closed lists, each with the words that metrics, records and reports know its members by.

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $word:ident = $label:literal,)* }) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord,
            serde::Deserialize, serde::Serialize,
        )]
        pub enum $name { $($(#[$of])* #[serde(rename = $label)] $word,)* }

        impl $name {
            /// Every one of them.
            pub const ALL: &'static [Self] = &[$(Self::$word),*];

            /// The word for it in metrics, records and reports.
            pub fn label(self) -> &'static str {
                match self { $(Self::$word => $label,)* }
            }
        }
    };
}
