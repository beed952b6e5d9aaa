//! A chart for each case: a bar for each contender.

use crate::case::{Case, Table};
use crate::results::Measured;
use crate::stats::Spread;

use super::numbers::number;
use super::scale::{Scale, far_apart};

const WIDTH: f64 = 880.0;
/// Where bars begin; names stand to the left.
const LEFT: f64 = 250.0;
/// Where bars end at most; values stand to the right.
const RIGHT: f64 = 770.0;
const ROW: f64 = 22.0;
const HEAD: f64 = 44.0;

/// Draws the first column of each table.
pub(super) fn draw(case: &Case, measured: &[Measured]) -> String {
    let tables: Vec<(&Table, Vec<Bar<'_>>)> = case
        .tables
        .iter()
        .map(|table| (table, bars(table, measured)))
        .filter(|(_, bars)| !bars.is_empty())
        .collect();
    let mut body = String::new();
    let mut y = 8.0;
    for (table, bars) in &tables {
        let scale = if far_apart(values(bars)) {
            // The same one for all of them, so that tables can be compared.
            let alike = tables.iter().filter(|(other, bars)| {
                other.columns[0].title == table.columns[0].title && far_apart(values(bars))
            });
            Scale::logarithmic(alike.flat_map(|(_, bars)| values(bars)))
        } else {
            Scale::linear(values(bars))
        };
        body += &block(table, bars, &scale, &mut y);
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
    let Some(measured) = measured.iter().find(|measured| measured.table == table.id) else {
        return Vec::new();
    };
    let bar = |name: &'a str| {
        let samples = measured.samples(name, table.columns[0].id)?;
        Some((name, Spread::of(samples.iter().copied())?))
    };
    let names = table
        .contenders
        .iter()
        .map(|contender| contender.name.as_str());
    names.filter_map(bar).collect()
}

fn values(bars: &[Bar<'_>]) -> impl Iterator<Item = f64> {
    bars.iter().flat_map(|(_, spread)| [spread.min, spread.max])
}

fn x(scale: &Scale, value: f64) -> f64 {
    LEFT + scale.share(value) * (RIGHT - LEFT)
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
        "<text class=\"quiet\" x=\"8\" y=\"{}\">{}, less is better{}</text>\n",
        *y + 32.0,
        escaped(table.columns[0].title),
        scale.title()
    );
    for tick in scale.ticks() {
        let x = x(scale, tick);
        text += &format!(
            "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{top}\" y2=\"{bottom}\"/>\n"
        );
        text += &format!(
            "<text class=\"quiet\" x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n",
            top - 4.0,
            tick_number(tick)
        );
    }
    for (index, (name, Spread { median, min, max })) in bars.iter().enumerate() {
        let top = *y + HEAD + ROW * index as f64;
        let (end, middle, baseline) = (x(scale, *median), top + 9.0, top + 13.5);
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
            x(scale, *min),
            x(scale, *max)
        );
        text += &format!(
            "<text class=\"value\" x=\"{:.1}\" y=\"{baseline}\">{}</text>\n",
            x(scale, *max).max(end) + 6.0,
            number(*median)
        );
    }
    *y = bottom + 18.0;
    text
}

fn tick_number(tick: f64) -> String {
    let text = number(tick);
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('`', "")
}
