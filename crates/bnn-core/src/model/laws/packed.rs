//! Packed models: any number of samples, runs at once, and what they may not take.

use alloc::vec;

use super::net::{Limits, SpatialNet};
use super::*;
use crate::error::Error;

/// A net of convolutions, which blocks and threads cut in several ways.
fn net(seed: u64) -> Result<SpatialNet, Error> {
    let limits = Limits {
        image: [9, 9],
        vertical_padding: true,
        one_row: false,
    };
    SpatialNet::draw(seed, limits)
}

#[test]
fn samples_do_not_depend_on_the_others_of_a_run() -> Result<(), ModelError> {
    for seed in 0..40 {
        let net = net(seed)?;
        let file = AlignedBytes::from(net.file()?.as_slice());
        let model = Model::open(&file)?;
        let packed = PackedModel::new(model)?;
        let most = 50;
        let x = net.samples(most, seed)?;
        let mut scratch = vec![0; model.scratch_words(most)?];
        let (expected, done) = outputs(&model, most, |y| {
            model.run(most, x.input(), y, &mut scratch)
        });
        done?;
        // Fewer after more, so that a workspace has what an earlier run has left.
        for samples in [most, 1, 2, 7, 33] {
            let first = x.input().part(0..samples * model.input_len());
            let (y, done) = outputs(&model, samples, |y| packed.run(samples, first, y));
            done?;
            assert!(y == expected[..y.len()], "net {seed}, {samples} samples");
        }
    }
    Ok(())
}

#[cfg(feature = "std")]
#[test]
fn threads_share_a_model() -> Result<(), ModelError> {
    let net = net(3)?;
    let file = AlignedBytes::from(net.file()?.as_slice());
    let model = Model::open(&file)?;
    let packed = PackedModel::new(model)?;
    let samples = 20;
    let x = net.samples(samples, 1)?;
    let (expected, done) = outputs(&model, samples, |y| packed.run(samples, x.input(), y));
    done?;
    std::thread::scope(|scope| {
        let run = || {
            for _ in 0..10 {
                let (y, done) = outputs(&model, samples, |y| packed.run(samples, x.input(), y));
                assert_eq!(done, Ok(()));
                assert_eq!(y, expected);
            }
        };
        let threads = [(); 4].map(|()| scope.spawn(run));
        assert!(threads.into_iter().all(|thread| thread.join().is_ok()));
    });
    Ok(())
}

#[cfg(feature = "std")]
#[test]
fn a_run_works_in_as_much_memory_as_the_model_says() -> Result<(), ModelError> {
    for seed in 0..20 {
        let net = net(seed)?;
        let file = AlignedBytes::from(net.file()?.as_slice());
        let model = Model::open(&file)?;
        let packed = PackedModel::new(model)?;
        let most = 33;
        let x = net.samples(most, seed)?;
        for samples in [1, 2, most] {
            let first = x.input().part(0..samples * model.input_len());
            let (_, done) = outputs(&model, samples, |y| {
                crate::gemm::parallel::single_threaded(|| packed.run(samples, first, y))
            });
            done?;
            let told = packed.memory(samples);
            let kept = packed.workspaces.waiting_bytes();
            assert_eq!(kept, told.workspace, "net {seed}, {samples}");
            // No layout takes less than a bit for each weight.
            let weights: usize = model
                .layers()
                .filter_map(|layer| layer.weights)
                .map(|w| w.rows() * w.cols())
                .sum();
            assert!(8 * told.weights >= weights, "net {seed}: {told:?}");
        }
    }
    Ok(())
}
