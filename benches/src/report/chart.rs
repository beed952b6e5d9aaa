//! A chart for each case: a bar for each contender, on a logarithmic scale.

use crate::case::{Case, Table};
use crate::results::Measured;
use crate::stats::Spread;

use super::numbers::number;

const WIDTH: f64 = 880.0;
/// Where bars begin; names stand to the left.
const LEFT: f64 = 250.0;
/// Where bars end at most; values stand to the right.
const RIGHT: f64 = 770.0;
const ROW: f64 = 22.0;
const HEAD: f64 = 44.0;

/// Draws the first column of each table.
pub(super) fn draw(case: &Case, measured: &[Measured]) -> String {
    let mut body = String::new();
    let mut y = 8.0;
    for table in &case.tables {
        let bars = bars(table, measured);
        if !bars.is_empty() {
            // One scale for all that is told in the same unit, so that tables can be compared.
            let alike = case
                .tables
                .iter()
                .filter(|other| other.columns[0].title == table.columns[0].title);
            let scale = Scale::over(alike.flat_map(|table| bars_of(table, measured)));
            body += &block(table, &bars, &scale, &mut y);
        }
    }
    let height = y + 4.0;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" role=\"img\" aria-label=\"{}\">\n{STYLE}{body}</svg>\n",
        escaped(case.title),
    )
}

const STYLE: &str = "<style>
text { font: 13px system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif; fill: #1f2328 }
.head { font-weight: 600; font-size: 14px } .quiet { fill: #59636e; font-size: 11px } .value { font-variant-numeric: tabular-nums }
.bar { fill: #9aa4b0 } .own { fill: #0969da } .grid { stroke: #d1d9e0 } .range { stroke: #1f2328; stroke-opacity: .55; stroke-width: 1.5 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .quiet { fill: #9198a1 } .bar { fill: #656c76 } .own { fill: #4493f8 } .grid { stroke: #30363d } .range { stroke: #e6edf3 }
}
</style>
";

type Bar<'a> = (&'a str, Spread);

fn bars<'a>(table: &'a Table, measured: &[Measured]) -> Vec<Bar<'a>> {
    bars_of(table, measured).collect()
}

fn bars_of<'a>(table: &'a Table, measured: &[Measured]) -> impl Iterator<Item = Bar<'a>> {
    let measured = measured
        .iter()
        .find(|measured| measured.table == table.id)
        .cloned();
    table.contenders.iter().filter_map(move |contender| {
        let samples = measured
            .as_ref()?
            .samples(&contender.name, table.columns[0].id)?;
        Some((
            contender.name.as_str(),
            Spread::of(samples.iter().copied())?,
        ))
    })
}

fn block(table: &Table, bars: &[Bar<'_>], scale: &Scale, y: &mut f64) -> String {
    let mut text = String::new();
    let (top, bottom) = (*y + HEAD - 6.0, *y + HEAD + ROW * bars.len() as f64);
    text += &format!(
        "<text class=\"head\" x=\"8\" y=\"{}\">{}</text>\n",
        *y + 16.0,
        escaped(&table.id)
    );
    text += &format!(
        "<text class=\"quiet\" x=\"8\" y=\"{}\">{}, less is better, logarithmic</text>\n",
        *y + 32.0,
        escaped(table.columns[0].title)
    );
    for tick in scale.ticks() {
        let x = scale.x(tick);
        text += &format!(
            "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{top}\" y2=\"{bottom}\"/>\n"
        );
        text += &format!(
            "<text class=\"quiet\" x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n",
            top - 4.0,
            number(tick).trim_end_matches(".00").trim_end_matches(".0")
        );
    }
    for (index, (name, Spread { median, min, max })) in bars.iter().enumerate() {
        let top = *y + HEAD + ROW * index as f64;
        let (end, middle, baseline) = (scale.x(*median), top + 9.0, top + 13.5);
        let class = if name.starts_with("brigade") {
            "bar own"
        } else {
            "bar"
        };
        text += &format!(
            "<text x=\"{}\" y=\"{baseline}\" text-anchor=\"end\">{}</text>\n",
            LEFT - 8.0,
            escaped(name)
        );
        text += &format!(
            "<rect class=\"{class}\" x=\"{LEFT}\" y=\"{top}\" width=\"{:.1}\" height=\"18\" rx=\"2\"/>\n",
            end - LEFT
        );
        text += &format!(
            "<line class=\"range\" x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{middle}\" y2=\"{middle}\"/>\n",
            scale.x(*min),
            scale.x(*max)
        );
        text += &format!(
            "<text class=\"value\" x=\"{:.1}\" y=\"{baseline}\">{}</text>\n",
            scale.x(*max).max(end) + 6.0,
            number(*median)
        );
    }
    *y = bottom + 18.0;
    text
}

struct Scale {
    from: f64,
    to: f64,
}

impl Scale {
    fn over<'a>(bars: impl Iterator<Item = Bar<'a>>) -> Self {
        let (mut least, mut most) = (f64::INFINITY, 0.0_f64);
        for (_, spread) in bars {
            least = least.min(spread.min.max(1e-3));
            most = most.max(spread.max);
        }
        // Half of the least, so that the shortest bar can be seen.
        Self {
            from: (least / 2.0).log10(),
            to: most.max(least * 2.0).log10(),
        }
    }

    fn x(&self, value: f64) -> f64 {
        let share = (value.max(1e-9).log10() - self.from) / (self.to - self.from);
        LEFT + share.clamp(0.0, 1.0) * (RIGHT - LEFT)
    }

    /// Powers of ten, or also twice and five times them where there would be few.
    fn ticks(&self) -> Vec<f64> {
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

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('`', "")
}
