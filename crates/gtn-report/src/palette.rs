//! Colors that readers with color vision deficiency can distinguish, and that are visible on white.

use std::fmt;

/// A color as (red, green, blue). It is displayed as `#rrggbb`.
#[derive(Clone, Copy)]
pub(crate) struct Color(pub(crate) u8, pub(crate) u8, pub(crate) u8);

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(red, green, blue) = self;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

// Blue and vermilion of Okabe and Ito's palette.
pub(crate) const BLUE: Color = Color(0, 114, 178);
pub(crate) const VERMILION: Color = Color(213, 94, 0);
/// The other colors of that palette that are visible on white, for lines beside these two.
pub(crate) const GREEN: Color = Color(0, 158, 115);
pub(crate) const PURPLE: Color = Color(204, 121, 167);
pub(crate) const ORANGE: Color = Color(230, 159, 0);
pub(crate) const SKY_BLUE: Color = Color(86, 180, 233);
pub(crate) const DARK_GRAY: Color = Color(40, 40, 40);
pub(crate) const GRAY: Color = Color(110, 110, 110);
/// For lines behind the data: the exact curve, the outline of a support.
pub(crate) const SILVER: Color = Color(190, 190, 190);
pub(crate) const LIGHT_GRAY: Color = Color(225, 225, 225);
pub(crate) const BAND: Color = Color(240, 240, 240);
/// For bars.
pub(crate) const LIGHT_BLUE: Color = Color(158, 202, 225);

/// Viridis by Smith and van der Walt at equal steps, as in matplotlib; it is perceptually uniform.
const VIRIDIS: [[u8; 3]; 8] = [
    [68, 1, 84],
    [70, 50, 127],
    [54, 92, 141],
    [39, 127, 143],
    [31, 162, 136],
    [74, 194, 110],
    [160, 219, 57],
    [254, 232, 37],
];

/// Where viridis is cut off, because its yellow end is invisible on white.
const LIGHTEST: f64 = 0.86;

/// Number of shades for ranks from 0 to 1.
pub(crate) const SHADES: usize = 24;

/// The shade of a rank, or `None` for NaN.
pub(crate) fn shade(rank: f64) -> Option<usize> {
    (!rank.is_nan()).then(|| ((rank.clamp(0.0, 1.0) * SHADES as f64) as usize).min(SHADES - 1))
}

/// The colors of the shades, from dark (rank 0) to light (rank 1).
pub(crate) fn shades() -> Vec<Color> {
    (0..SHADES).map(|shade| viridis(LIGHTEST * shade as f64 / (SHADES - 1) as f64)).collect()
}

fn viridis(fraction: f64) -> Color {
    let position = fraction.clamp(0.0, 1.0) * (VIRIDIS.len() - 1) as f64;
    let below = (position as usize).min(VIRIDIS.len() - 2);
    let weight = position - below as f64;
    let mix = |channel: usize| {
        let [a, b] = [below, below + 1].map(|at| f64::from(VIRIDIS[at][channel]));
        (a + weight * (b - a)).round() as u8
    };
    Color(mix(0), mix(1), mix(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rank_has_a_shade_and_shades_get_lighter_but_stay_visible_on_white() {
        assert_eq!(shade(f64::NAN), None);
        assert_eq!([-1.0, 0.0, 1e-9, 0.5, 1.0, f64::INFINITY].map(shade), [0, 0, 0, 12, 23, 23].map(Some));
        let lightness = |Color(r, g, b): Color| 2 * u32::from(r) + 7 * u32::from(g) + u32::from(b);
        let shades = shades();
        assert_eq!(shades.len(), SHADES);
        assert!(shades.windows(2).all(|pair| lightness(pair[0]) < lightness(pair[1])));
        assert!(lightness(shades[SHADES - 1]) < 2000, "white has 2550");
        assert_eq!(shades[0].to_string(), "#440154");
    }
}
