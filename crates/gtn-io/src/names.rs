/// Declares an enum whose values have names in files and on the command line, with `ALL`, `name`, `Display`, `FromStr`,
/// `Serialize` and `Deserialize`. Behind `with` are methods that return what the values list after their names.
///
/// ```
/// gtn_io::names! {
///     /// A color.
///     #[derive(Debug, Clone, Copy, PartialEq)]
///     pub enum Color: "color" {
///         /// That of roses.
///         Red => "red" (620.0, "warm"),
///         /// That of leaves.
///         DarkGreen => "dark-green" (530.0, "cold"),
///     }
///     with {
///         /// The wavelength in nanometers.
///         wavelength: f64,
///         /// How it feels.
///         temperature: &'static str,
///     }
/// }
///
/// assert_eq!("dark-green".parse(), Ok(Color::DarkGreen));
/// assert_eq!("blue".parse::<Color>().unwrap_err().to_string(), "unknown color `blue`; expected one of `red`, `dark-green`");
/// assert_eq!((Color::Red.wavelength(), Color::Red.temperature()), (620.0, "warm"));
/// ```
///
/// For an enum that is declared already, list its values: `names! { Color, "color", Red => "red", DarkGreen => "dark-green" }`.
#[macro_export]
macro_rules! names {
    (
        $(#[$attribute:meta])*
        $visibility:vis enum $type:ident: $what:literal {
            $($(#[$variant_attribute:meta])* $variant:ident => $name:literal),+ $(,)?
        }
    ) => {
        $(#[$attribute])*
        $visibility enum $type {
            $($(#[$variant_attribute])* $variant),+
        }

        $crate::names! { $type, $what, $($variant => $name),+ }
    };
    (
        $(#[$attribute:meta])*
        $visibility:vis enum $type:ident: $what:literal {
            $($(#[$variant_attribute:meta])* $variant:ident => $name:literal ($($value:expr),+ $(,)?)),+ $(,)?
        }
        with { $($(#[$doc:meta])* $property:ident: $property_type:ty),+ $(,)? }
    ) => {
        $crate::names! {
            $(#[$attribute])*
            $visibility enum $type: $what {
                $($(#[$variant_attribute])* $variant => $name),+
            }
        }

        const _: () = {
            struct Properties {
                $($property: $property_type),+
            }

            const fn properties($($property: $property_type),+) -> Properties {
                Properties { $($property),+ }
            }

            impl $type {
                const fn properties(self) -> Properties {
                    match self {
                        $($type::$variant => properties($($value),+)),+
                    }
                }

                $(
                    $(#[$doc])*
                    #[must_use]
                    pub const fn $property(self) -> $property_type {
                        self.properties().$property
                    }
                )+
            }
        };
    };
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
