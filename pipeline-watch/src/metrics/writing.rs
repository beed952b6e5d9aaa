//! How metrics are written.

use std::fmt;

use prometheus_client::encoding::{
    DescriptorEncoder, EncodeCounterValue, EncodeMetric, MetricEncoder,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// A name and a value.
pub(super) type Label<'a> = (&'a str, String);

/// Writes all values of one metric.
pub(super) struct Writing<'a>(pub(super) DescriptorEncoder<'a>);

impl Writing<'_> {
    pub(super) fn counters<'v, V: EncodeCounterValue>(
        &mut self,
        (name, help): (&str, &str),
        values: impl Iterator<Item = (&'v [Label<'static>], V)>,
    ) -> fmt::Result {
        let mut family = self
            .0
            .encode_descriptor(name, help, None, MetricType::Counter)?;
        for (labels, value) in values {
            write(&mut family, labels, &ConstCounter::new(value))?;
        }
        Ok(())
    }

    pub(super) fn gauges<'v>(
        &mut self,
        (name, help): (&str, &str),
        values: impl Iterator<Item = (&'v [Label<'static>], u64)>,
    ) -> fmt::Result {
        let mut family = self
            .0
            .encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (labels, value) in values {
            let value = i64::try_from(value).unwrap_or(i64::MAX);
            write(&mut family, labels, &ConstGauge::new(value))?;
        }
        Ok(())
    }
}

fn write(
    family: &mut MetricEncoder<'_>,
    labels: &[Label<'_>],
    metric: &impl EncodeMetric,
) -> fmt::Result {
    let labels: Vec<(&str, &str)> = labels.iter().map(|(key, value)| (*key, &**value)).collect();
    metric.encode(family.encode_family(&&labels[..])?)
}
