//! Enums whose values have names on the command line.

/// Implements `ALL`, `name`, `Display` and `FromStr` for an enum of names.
macro_rules! names {
    ($type:ident, $what:literal, $($(#[$cfg:meta])* $variant:ident => $name:literal),+ $(,)?) => {
        impl $type {
            /// All of them.
            pub const ALL: &[$type] = &[$($(#[$cfg])* $type::$variant),+];

            /// The name on the command line.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $($(#[$cfg])* $type::$variant => $name),+
                }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.name())
            }
        }

        impl std::str::FromStr for $type {
            type Err = gtn_run::schema::UnknownName;

            fn from_str(name: &str) -> std::result::Result<Self, Self::Err> {
                let known = || Self::ALL.iter().copied();
                known().find(|known| known.name() == name).ok_or_else(|| gtn_run::schema::UnknownName {
                    what: $what,
                    name: name.to_owned(),
                    known: known().map(Self::name).collect(),
                })
            }
        }
    };
}

pub(crate) use names;
