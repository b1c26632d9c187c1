//! Convolutions on one thread, every kernel of this CPU, and the same in floats (im2col and product, by
//! two libraries, the faster of which is the one to compare with). Throughput counts `2 * m * n * k`
//! operations, `m` output pixels, `k` elements of a filter.

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
