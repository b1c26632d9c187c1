//! Convolutions on one thread, on every kernel of this CPU and in floats (im2col and a product, by
//! two libraries; compare with the faster one). Throughput counts `2 * m * n * k` operations, where
//! `m` is the number of output pixels and `k` that of a filter's elements.

mod contest;

use std::error::Error;

use bnn_benches::{CONVOLUTIONS, Contender, Convolution, DEPTHWISE, use_one_thread};
use bnn_core::conv::PadValue;
use contest::{contest, group};
use criterion::Criterion;

fn convolutions(c: &mut Criterion) -> Result<(), bnn_core::Error> {
    let around = [("zeros", PadValue::Zero), ("-1", PadValue::MinusOne)];
    for shape in CONVOLUTIONS.into_iter().chain([DEPTHWISE]) {
        for (name, pad_value) in around {
            let mut work = Convolution::new(shape, pad_value)?;
            let mut group = group(c, format!("{shape}, {name} around"), &work);
            contest(&mut group, &mut work, Contender::bits())?;
            if shape.groups == 1 && pad_value == PadValue::Zero {
                contest(&mut group, &mut work, Contender::floats())?;
            }
        }
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    use_one_thread()?;
    let mut c = Criterion::default().sample_size(30).configure_from_args();
    convolutions(&mut c)?;
    c.final_summary();
    Ok(())
}
