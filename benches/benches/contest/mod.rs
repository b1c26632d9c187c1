//! Shared by the benches of products and of convolutions.

use bnn_benches::{Contender, Workload};
use bnn_core::Error;
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput};

/// A group whose throughput counts the operations of `work`.
pub(crate) fn group<'c>(
    c: &'c mut Criterion,
    name: String,
    work: &impl Workload,
) -> BenchmarkGroup<'c, WallTime> {
    let mut group = c.benchmark_group(name);
    group.throughput(Throughput::Elements(work.operations()));
    group
}

/// Times each contender, after a first run that must succeed.
pub(crate) fn contest(
    group: &mut BenchmarkGroup<'_, WallTime>,
    work: &mut impl Workload,
    contenders: impl IntoIterator<Item = Contender>,
) -> Result<(), Error> {
    for contender in contenders {
        work.run(contender)?;
        let id = BenchmarkId::new(contender.form(), contender.name());
        group.bench_function(id, |b| b.iter(|| work.run(contender)));
    }
    Ok(())
}
