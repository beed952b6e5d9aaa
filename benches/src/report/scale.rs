//! Where a value lies on a chart.

/// From the left end to the right.
pub(super) struct Scale {
    from: f64,
    to: f64,
    logarithmic: bool,
}

/// Values that lie so far apart need a logarithmic scale, on which a difference of a few percent cannot be seen.
const FAR: f64 = 8.0;

/// Whether these values need one.
pub(super) fn far_apart(values: impl IntoIterator<Item = f64>) -> bool {
    let (least, most) = ends(values);
    most / least > FAR
}

fn ends(values: impl IntoIterator<Item = f64>) -> (f64, f64) {
    let ends = (f64::INFINITY, f64::MIN_POSITIVE);
    values.into_iter().fold(ends, |(least, most), value| {
        (least.min(value.max(1e-3)), most.max(value))
    })
}

impl Scale {
    /// Begins at 0, for values that do not lie far apart.
    pub(super) fn linear(values: impl IntoIterator<Item = f64>) -> Self {
        Self {
            from: 0.0,
            to: ends(values).1,
            logarithmic: false,
        }
    }

    /// Begins at half of the least, so that the shortest bar can be seen.
    pub(super) fn logarithmic(values: impl IntoIterator<Item = f64>) -> Self {
        let (least, most) = ends(values);
        Self {
            from: (least / 2.0).log10(),
            to: most.max(least * 2.0).log10(),
            logarithmic: true,
        }
    }

    /// For the legend.
    pub(super) fn title(&self) -> &'static str {
        if self.logarithmic {
            ", logarithmic"
        } else {
            ""
        }
    }

    /// 0 at the left end, 1 at the right.
    pub(super) fn share(&self, value: f64) -> f64 {
        let value = if self.logarithmic {
            value.max(1e-9).log10()
        } else {
            value
        };
        ((value - self.from) / (self.to - self.from)).clamp(0.0, 1.0)
    }

    /// Round values with a line each.
    pub(super) fn ticks(&self) -> Vec<f64> {
        if !self.logarithmic {
            let step = [1.0, 2.0, 5.0, 10.0]
                .map(|step| step * 10_f64.powf((self.to / 5.0).log10().floor()));
            let step = step.into_iter().find(|step| self.to / step < 7.0);
            let ticks = (0..7).map(|tick| f64::from(tick) * step.unwrap_or(self.to));
            return ticks.filter(|tick| *tick <= self.to).collect();
        }
        // Twice and five times the powers of ten too, where these would be few.
        let steps: &[f64] = if self.to - self.from > 3.0 {
            &[1.0]
        } else {
            &[1.0, 2.0, 5.0]
        };
        #[allow(clippy::cast_possible_truncation, reason = "exponents are small")]
        let powers = self.from.floor() as i32..=self.to.ceil() as i32;
        let ticks =
            powers.flat_map(|power| steps.iter().map(move |step| step * 10_f64.powi(power)));
        ticks
            .filter(|tick| (self.from..=self.to).contains(&tick.log10()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Scale, far_apart};

    #[test]
    fn ticks_are_round_and_within_the_scale() {
        assert_eq!(
            Scale::linear([487.0, 259.0]).ticks(),
            [0.0, 100.0, 200.0, 300.0, 400.0]
        );
        assert_eq!(
            Scale::logarithmic([2.0, 5000.0]).ticks(),
            [1.0, 10.0, 100.0, 1000.0]
        );
    }

    #[test]
    fn the_greatest_value_is_at_the_right_end() {
        let scale = Scale::logarithmic([1.0, 100.0]);
        assert!(scale.share(1.0) > 0.0);
        assert!((scale.share(100.0) - 1.0).abs() < 1e-9);
        assert!(far_apart([1.0, 100.0]) && !far_apart([1.0, 7.0]));
    }
}
