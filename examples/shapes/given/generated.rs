//! Outlines that are made up, about as large as real ones.

use std::f64::consts::TAU;
use std::fmt::Write as _;
use std::sync::Arc;

use brigade::source::Line;
use fastrand::Rng;

/// How large the outlines of 250 countries are, in bytes, from the smallest to the largest: so many of a thousand are smaller.
const SIZES: [(f64, f64); 16] = [
    (0.0, 295.0),
    (0.004, 570.0),
    (0.04, 1_289.0),
    (0.1, 3_426.0),
    (0.2, 11_571.0),
    (0.3, 32_019.0),
    (0.4, 120_180.0),
    (0.5, 225_051.0),
    (0.6, 337_419.0),
    (0.7, 536_254.0),
    (0.8, 776_944.0),
    (0.9, 1_541_459.0),
    (0.96, 3_459_225.0),
    (0.984, 5_186_747.0),
    (0.99, 17_099_950.0),
    (1.0, 32_330_434.0),
];
/// All land of the earth as one outline.
const GIANT: f64 = 146_846_629.0;
/// A point as text.
const POINT: f64 = 21.0;
/// The most points of a ring.
const RING: usize = 100_000;

/// Which outlines are made up.
#[derive(Debug, Clone, Copy)]
pub struct Generated {
    pub count: usize,
    pub scale: f64,
    pub giant: bool,
    pub seed: u64,
}

impl Generated {
    /// How many there are.
    pub fn all(&self) -> usize {
        self.count + usize::from(self.giant)
    }

    /// The line of outline number `index`. The same each time.
    pub fn line(&self, index: usize) -> Line {
        let mut rng = Rng::with_seed(self.seed ^ ((index as u64 + 1) << 20));
        let bytes = if index >= self.count {
            GIANT
        } else {
            // Not in the order of their sizes, but each once.
            let place = (index * 101) % self.count;
            let part = place as f64 / (self.count - 1).max(1) as f64;
            size(part) * self.scale
        };
        Line {
            text: feature(&mut rng, index, points(bytes)),
            origin: Arc::from("made up"),
            number: index as u64 + 1,
            offset: 0,
        }
    }
}

/// All lines, each made when it is asked for.
pub fn generated(all: Generated) -> impl Iterator<Item = Line> + Send + 'static {
    (0..all.all()).map(move |index| all.line(index))
}

/// So large are outlines of which that part is smaller.
fn size(part: f64) -> f64 {
    let above = SIZES
        .iter()
        .position(|(to, _)| part <= *to)
        .unwrap_or(SIZES.len() - 1);
    let ((from, small), (to, large)) = (SIZES[above.saturating_sub(1)], SIZES[above]);
    let within = if to > from {
        (part - from) / (to - from)
    } else {
        0.0
    };
    small * (large / small).powf(within)
}

/// So many take so many bytes.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a size is positive, and need not be exact"
)]
fn points(bytes: f64) -> usize {
    (bytes / POINT) as usize
}

/// A feature with about so many points, in islands.
fn feature(rng: &mut Rng, index: usize, points: usize) -> String {
    let mut text = String::with_capacity((points + 40) * 22);
    text.push_str(
        "{\"type\":\"Feature\",\"geometry\":{\"type\":\"MultiPolygon\",\"coordinates\":[",
    );
    let mut left = points.max(8);
    while left > 0 {
        let island = left.min(4 + rng.usize(..RING));
        left -= island;
        // What is left would be no area.
        let island = if left < 4 {
            island + std::mem::take(&mut left)
        } else {
            island
        };
        ring(rng, &mut text, island);
        if left > 0 {
            text.push(',');
        }
    }
    let written = write!(text, "]}},\"properties\":{{\"A3\":\"S{index:04}\"}}}}");
    debug_assert!(written.is_ok(), "a string takes all that is written");
    text
}

/// An island: a circle whose radius wanders, as coasts do at each scale.
fn ring(rng: &mut Rng, text: &mut String, points: usize) {
    let (x, y) = (rng.f64() * 300.0 - 150.0, rng.f64() * 140.0 - 70.0);
    let mut radius = 0.05 + points as f64 * 2e-5;
    let step = radius / (points as f64).sqrt() / 4.0;
    let mut first = String::new();
    text.push_str("[[");
    for number in 0..points {
        let angle = TAU * number as f64 / points as f64;
        radius = (radius + (rng.f64() - 0.5) * step).abs();
        let point = format!(
            "[{:.6},{:.6}]",
            x + radius * angle.cos(),
            y + radius * angle.sin()
        );
        text.push_str(&point);
        text.push(',');
        if number == 0 {
            first = point;
        }
    }
    text.push_str(&first);
    text.push_str("]]");
}
