/// Implements `ALL`, `name`, `Display`, `FromStr`, `Serialize` and `Deserialize` for an enum whose values have names in files and on
/// the command line.
///
/// ```
/// #[derive(Debug, Clone, Copy, PartialEq)]
/// enum Color {
///     Red,
///     DarkGreen,
/// }
///
/// gtn_io::names! {
///     Color, "color",
///     Red => "red",
///     DarkGreen => "dark-green",
/// }
///
/// assert_eq!("dark-green".parse(), Ok(Color::DarkGreen));
/// assert_eq!("blue".parse::<Color>().unwrap_err().to_string(), "unknown color `blue`; expected one of `red`, `dark-green`");
/// ```
#[macro_export]
macro_rules! names {
    ($type:ident, $what:literal, $($(#[$cfg:meta])* $variant:ident => $name:literal),+ $(,)?) => {
        impl $type {
            /// All of them, in the order in which reports show them.
            pub const ALL: &'static [$type] = &[$($(#[$cfg])* $type::$variant),+];

            /// The name in files and on the command line.
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
            type Err = $crate::UnknownName;

            fn from_str(name: &str) -> ::std::result::Result<Self, Self::Err> {
                let known = Self::ALL.iter().copied().find(|known| known.name() == name);
                known.ok_or_else(|| $crate::UnknownName::new($what, name, Self::ALL.iter().map(|known| known.name())))
            }
        }

        impl $crate::serde::Serialize for $type {
            fn serialize<S: $crate::serde::Serializer>(&self, serializer: S) -> ::std::result::Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }

        impl<'de> $crate::serde::Deserialize<'de> for $type {
            fn deserialize<D: $crate::serde::Deserializer<'de>>(deserializer: D) -> ::std::result::Result<Self, D::Error> {
                <String as $crate::serde::Deserialize>::deserialize(deserializer)?.parse().map_err($crate::serde::de::Error::custom)
            }
        }
    };
}
