//! Compares the distributions with values computed by mpmath 1.3 with 50 digits (`mp.dps = 50`) and rounded to the
//! nearest `f64`. Arguments are the exact values of the literals: `mpf(0.7)`, not `mpf('0.7')`. The comment above each
//! table gives the formula.

use gtn_math::{Chi, Distribution, Exponential, Normal, Uniform};

/// The error bound of distribution and survival functions that the front page states: a few ulps near the median, and
/// up to 5e-13 at a probability of 1e-300.
fn probability_bound(p: f64) -> f64 {
    3e-15 + 7e-16 * p.ln().abs()
}

/// The error bounds of quantiles that the front page states: for the chi distribution with 2 or more degrees of
/// freedom, and for all others.
const GAMMA_QUANTILE: f64 = 2e-14;
const QUANTILE: f64 = 2e-15;

fn assert_close(actual: f64, expected: f64, tolerance: f64, what: &str) {
    let error = (actual - expected).abs();
    assert!(
        error <= tolerance * expected.abs(),
        "{what}: actual {actual:?}, expected {expected:?}, relative error {:e}",
        error / expected.abs()
    );
}

/// z, P(Z ≤ z), P(Z > z): `erfc(-z/sqrt(2))/2`, `erfc(z/sqrt(2))/2`.
const NORMAL: [(f64, f64, f64); 14] = [
    (-37.5, 4.605353009581955e-308, 1.0),
    (-30.0, 4.906713927148187e-198, 1.0),
    (-20.0, 2.7536241186062337e-89, 1.0),
    (-10.0, 7.619853024160525e-24, 1.0),
    (-5.0, 2.866515718791939e-07, 0.9999997133484281),
    (-1.5, 0.06680720126885807, 0.9331927987311419),
    (-0.75, 0.2266273523768682, 0.7733726476231318),
    (-0.1, 0.460172162722971, 0.539827837277029),
    (0.3, 0.6179114221889527, 0.3820885778110474),
    (0.7, 0.758036347776927, 0.24196365222307303),
    (2.0, 0.9772498680518208, 0.02275013194817921),
    (6.0, 0.9999999990134123, 9.86587645037698e-10),
    (25.0, 1.0, 3.056696706382561e-138),
    (37.0, 1.0, 5.725571222524577e-300),
];

/// p, and the z with P(Z ≤ z) = p: `findroot(lambda z: log(erfc(-z/sqrt(2))/2) - log(p), -sqrt(-2*log(p)))`.
const NORMAL_QUANTILE: [(f64, f64); 11] = [
    (1e-300, -37.0470962993612),
    (1e-200, -30.20559417957964),
    (1e-100, -21.273453560965326),
    (1e-30, -11.464024688443615),
    (1e-10, -6.361340902404057),
    (1e-05, -4.264890793922825),
    (0.01, -2.326347874040841),
    (0.3, -0.5244005127080408),
    (0.5, 0.0),
    (0.75, 0.6744897501960817),
    (0.999, 3.090232306167813),
];

/// d, z, P(|Z| ≤ z), P(|Z| > z): `gammainc(d/2, 0, z*z/2, regularized=True)`, `gammainc(d/2, z*z/2, inf,
/// regularized=True)`.
const CHI: [(usize, f64, f64, f64); 34] = [
    (1, 1e-300, 7.978845608028653e-301, 1.0),
    (1, 0.5, 0.3829249225480262, 0.6170750774519738),
    (1, 2.0, 0.9544997361036416, 0.04550026389635842),
    (1, 36.0, 1.0, 8.365248131594566e-284),
    (2, 1e-150, 5e-301, 1.0),
    (2, 0.001, 4.999998750000208e-07, 0.999999500000125),
    (2, 1.25, 0.5421666382283857, 0.45783336177161427),
    (2, 37.0, 1.0, 5.314068364454539e-298),
    (3, 1e-90, 2.6596152026762176e-271, 1.0),
    (3, 0.5, 0.03085959578372673, 0.9691404042162732),
    (3, 1.5, 0.4778328104646087, 0.5221671895353913),
    (3, 37.0, 1.0, 1.569949962372713e-296),
    (10, 1e-20, 2.604166666666665e-204, 1.0),
    (10, 1.0, 0.00017211562995584078, 0.9998278843700441),
    (10, 3.0, 0.4678964236252845, 0.5321035763747155),
    (10, 20.0, 1.0, 9.413291991183476e-80),
    (31, 1e-06, 4.157840629976917e-204, 1.0),
    (31, 5.5, 0.4955860512691887, 0.5044139487308114),
    (31, 25.0, 1.0, 8.995546117385816e-112),
    (32, 1e-06, 7.292903644386489e-211, 1.0),
    (32, 5.5, 0.4447126942844999, 0.5552873057155001),
    (32, 7.75, 0.9980843581719241, 0.0019156418280758933),
    (32, 4.1, 0.01258835817406168, 0.9874116418259383),
    (32, 25.0, 1.0, 4.078637305396083e-111),
    (100, 0.02, 3.7011761499504454e-250, 1.0),
    (100, 9.0, 0.08203322553894718, 0.9179667744610528),
    (100, 10.0, 0.5188083154720433, 0.48119168452795674),
    (100, 7.1, 8.584603485070846e-06, 0.9999914153965149),
    (100, 12.0, 0.9973707490825487, 0.0026292509174513008),
    (100, 14.0, 0.9999999670401796, 3.295982041572304e-08),
    (100, 40.0, 1.0, 1.1458595769084505e-268),
    (1000, 20.0, 6.174261434528856e-71, 1.0),
    (1000, 31.6, 0.4930965600802904, 0.5069034399197095),
    (1000, 60.0, 1.0, 2.5371231792849793e-289),
];

/// d, p, and the z at which each of the two functions above equals p, by 180 bisections on ln z.
const CHI_QUANTILE: [(usize, f64, f64, f64); 30] = [
    (1, 1e-300, 1.2533141373155002e-300, 37.06578788077213),
    (1, 1e-100, 1.2533141373155002e-100, 21.30594006935153),
    (1, 1e-10, 1.2533141373155003e-10, 6.466951087240516),
    (1, 0.01, 0.012533469508069264, 2.575829303548901),
    (1, 0.4, 0.5244005127080408, 0.8416212335729142),
    (2, 1e-300, 1.4142135623730952e-150, 37.169221888498384),
    (2, 1e-100, 1.414213562373095e-50, 21.459660262893472),
    (2, 1e-10, 1.4142135624084504e-05, 6.786140424415112),
    (2, 0.01, 0.14177683769573535, 3.034854258770293),
    (2, 0.4, 1.0107676525947897, 1.353728726055671),
    (3, 1e-300, 1.5549880806696572e-100, 37.26039148821018),
    (3, 1e-100, 7.2176153116372485e-34, 21.59199753545955),
    (3, 1e-10, 0.0007217615687631532, 7.038618893470769),
    (3, 0.01, 0.33886841384100264, 3.3682141752187276),
    (3, 0.4, 1.367175337470917, 1.716439941594797),
    (10, 1e-300, 2.282617394438828e-30, 37.78586979453945),
    (10, 1e-100, 2.282617394438828e-10, 22.32348987985927),
    (10, 1e-10, 0.22875984269951186, 8.256368338356637),
    (10, 0.01, 1.5994412024789177, 4.8175980694693035),
    (10, 0.4, 2.880186063597469, 3.2362379750870383),
    (100, 1e-300, 0.006242317145110104, 41.9140493532166),
    (100, 1e-100, 0.6254296395471766, 27.43861448264784),
    (100, 1e-10, 5.865136307804348, 14.755141583133293),
    (100, 0.01, 8.370477580484867, 11.653614167760438),
    (100, 0.4, 9.78814833653299, 10.146228078229703),
    (1000, 1e-300, 10.161973143826115, 60.60005399796808),
    (1000, 1e-100, 17.970363665976127, 47.6774166021415),
    (1000, 1e-10, 27.226238662719332, 36.21191804200113),
    (1000, 0.01, 29.98186863638778, 33.27114356844708),
    (1000, 0.4, 31.433271214963984, 31.7915375633503),
];

/// x, 1 − exp(−x/2), exp(−x/2): `-expm1(-x/2)`, `exp(-x/2)`.
const EXPONENTIAL: [(f64, f64, f64); 6] = [
    (1e-300, 5e-301, 1.0),
    (1e-10, 4.999999999875e-11, 0.99999999995),
    (0.25, 0.1175030974154046, 0.8824969025845955),
    (1.5, 0.5276334472589853, 0.4723665527410147),
    (20.0, 0.9999546000702375, 4.5399929762484854e-05),
    (1380.0, 1.0, 2.171738281389827e-300),
];

#[test]
fn normal_probabilities() {
    let distribution = Normal::new(3.0, 0.5).unwrap();
    for (z, cdf, sf) in NORMAL {
        assert_close(Normal::standard().cdf(z), cdf, probability_bound(cdf), &format!("cdf({z})"));
        assert_close(Normal::standard().sf(z), sf, probability_bound(sf), &format!("sf({z})"));
        // For integer z standardizing 3 + z/2 is exact, because 3 and 0.5 are exact in binary.
        if z.fract() == 0.0 {
            assert_close(distribution.cdf(3.0 + 0.5 * z), cdf, probability_bound(cdf), &format!("shifted cdf({z})"));
        }
    }
}

#[test]
fn normal_quantiles() {
    let distribution = Normal::new(0.0, 4.0).unwrap();
    for (p, z) in NORMAL_QUANTILE {
        assert_close(Normal::standard().quantile(p), z, QUANTILE, &format!("quantile({p:?})"));
        assert_close(Normal::standard().isf(p), -z, QUANTILE, &format!("isf({p:?})"));
        assert_close(distribution.quantile(p), 4.0 * z, QUANTILE, &format!("scaled quantile({p:?})"));
    }
}

#[test]
fn chi_probabilities() {
    for (d, z, cdf, sf) in CHI {
        let (distribution, scaled) = (Chi::new(d, 1.0).unwrap(), Chi::new(d, 0.25).unwrap());
        assert_close(distribution.cdf(z), cdf, probability_bound(cdf), &format!("chi({d}).cdf({z:?})"));
        assert_close(distribution.sf(z), sf, probability_bound(sf), &format!("chi({d}).sf({z:?})"));
        assert_eq!(scaled.cdf(0.25 * z), distribution.cdf(z));
    }
}

#[test]
fn chi_quantiles() {
    for (d, p, quantile, isf) in CHI_QUANTILE {
        let distribution = Chi::new(d, 1.0).unwrap();
        let bound = if d == 1 { QUANTILE } else { GAMMA_QUANTILE };
        assert_close(distribution.quantile(p), quantile, bound, &format!("chi({d}).quantile({p:?})"));
        assert_close(distribution.isf(p), isf, bound, &format!("chi({d}).isf({p:?})"));
    }
}

#[test]
fn exponential_and_its_inverse() {
    let distribution = Exponential::new(0.5).unwrap();
    for (x, cdf, sf) in EXPONENTIAL {
        assert_close(distribution.cdf(x), cdf, probability_bound(cdf), &format!("cdf({x:?})"));
        assert_close(distribution.sf(x), sf, probability_bound(sf), &format!("sf({x:?})"));
        if cdf < 0.5 {
            assert_close(distribution.quantile(cdf), x, QUANTILE, &format!("quantile({cdf:?})"));
        } else {
            assert_close(distribution.isf(sf), x, QUANTILE, &format!("isf({sf:?})"));
        }
    }
}

#[test]
fn uniform_measures_from_the_nearer_endpoint() {
    let distribution = Uniform::new(0.0, 4.0).unwrap();
    assert_eq!((distribution.cdf(1.0), distribution.sf(1.0)), (0.25, 0.75));
    assert_eq!((distribution.cdf(4e-300), distribution.quantile(1e-300)), (1e-300, 4e-300));
    let distribution = Uniform::new(-4.0, 0.0).unwrap();
    assert_eq!((distribution.sf(-4e-300), distribution.isf(1e-300)), (1e-300, -4e-300));
}

/// The relative error of cdf(quantile(p)) and sf(isf(p)) over the entire range of p. Rounding a quantile z to `f64`
/// changes the probability by up to κ·2⁻⁵³, where κ = z·density/probability is at most z² + 1 here: 1.6e-13 in the far
/// tail.
#[test]
fn cdf_of_quantile_returns_the_probability() {
    let normal = Normal::standard();
    let exponential = Exponential::new(1.0).unwrap();
    let chi = [1, 2, 3, 10, 31, 32, 33, 100, 1000, 3072].map(|d| Chi::new(d, 1.0).unwrap());
    let distributions = chi.iter().map(|distribution| distribution as &dyn Distribution);
    for distribution in distributions.chain([&normal as &dyn Distribution, &exponential]) {
        for step in 0..1230 {
            let p = 0.5 * 10f64.powf(-0.25 * f64::from(step));
            assert_close(distribution.cdf(distribution.quantile(p)), p, 1e-12, "cdf(quantile(p))");
            assert_close(distribution.sf(distribution.isf(p)), p, 1e-12, "sf(isf(p))");
        }
    }
}
