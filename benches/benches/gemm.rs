//! Products on one thread, on every kernel of this CPU and in floats (by two libraries; compare
//! with the faster one). Throughput counts `2 * m * n * k` operations. Then prime sizes, to compare
//! with their round neighbours, and two threads against one.

mod contest;

use std::error::Error;

use bnn_benches::{Contender, Form, PRODUCTS, Product, Workload, use_one_thread};
use bnn_core::Kernel;
use contest::{contest, group};
use criterion::{BenchmarkId, Criterion};

/// The primes next to the shapes of [`PRODUCTS`].
const PRIMES: [[usize; 3]; 5] = [
    [1021, 1021, 1021],
    [127, 4093, 4093],
    [61, 1021, 1021],
    [1, 4093, 4093],
    [1, 1021, 1021],
];

fn products(c: &mut Criterion) -> Result<(), bnn_core::Error> {
    for shape in PRODUCTS {
        let mut work = Product::new(shape)?;
        let mut group = group(c, work.to_string(), &work);
        let contenders = Contender::bits().chain(Contender::floats());
        contest(&mut group, &mut work, contenders)?;
    }
    Ok(())
}

fn primes(c: &mut Criterion) -> Result<(), bnn_core::Error> {
    for shape in PRIMES {
        let mut work = Product::new(shape)?;
        let mut group = group(c, format!("primes {work}"), &work);
        let kernels = Kernel::available();
        let contenders = kernels.map(|kernel| Contender::Bits(Form::BitsToI32, kernel));
        contest(&mut group, &mut work, contenders)?;
    }
    Ok(())
}

fn threads(c: &mut Criterion) -> Result<(), Box<dyn Error>> {
    let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let pools = [(1, pool(1)?), (2, pool(2)?)];
    let contender = Contender::Bits(Form::BitsToI32, Kernel::active()?);
    for shape in &PRODUCTS[..2] {
        let mut work = Product::new(*shape)?;
        let mut group = group(c, format!("threads {work}"), &work);
        for (threads, pool) in &pools {
            group.bench_function(BenchmarkId::new(contender.form(), threads), |b| {
                pool.install(|| b.iter(|| work.run(contender)));
            });
        }
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    use_one_thread()?;
    let mut c = Criterion::default().sample_size(30).configure_from_args();
    products(&mut c)?;
    primes(&mut c)?;
    threads(&mut c)?;
    c.final_summary();
    Ok(())
}
