//! The counters of a word of weights.

/// Counters of the weights of a word, by the bit law; a weight is the sign of its counter.
pub(super) type Counters = [i8; 64];

/// Of a weight that the model brings: so many steps away from a flip.
const START: i8 = 16;

/// Sets the counters of weights that are not to flip at once.
pub(super) fn start(counters: &mut Counters, mut weights: u64) {
    for counter in counters {
        *counter = if weights & 1 == 1 { START - 1 } else { -START };
        weights >>= 1;
    }
}

/// Moves all counters so many steps towards the signs of `target`, as far as they go.
pub(super) fn step(counters: &mut Counters, target: u64, steps: i8) {
    // Halves, for a core of 32 bits shifts them in one instruction.
    let halves = [target as u32, (target >> 32) as u32];
    for (counters, mut target) in counters.chunks_exact_mut(32).zip(halves) {
        for counter in counters {
            let towards = if target & 1 == 1 { steps } else { -steps };
            *counter = counter.saturating_add(towards);
            target >>= 1;
        }
    }
}

/// The weights: the signs of the counters.
pub(super) fn signs(counters: &Counters) -> u64 {
    let mut halves = [0_u32; 2];
    for (half, counters) in halves.iter_mut().zip(counters.chunks_exact(32)) {
        for counter in counters {
            *half = *half >> 1 | u32::from(*counter >= 0) << 31;
        }
    }
    let [low, high] = halves;
    u64::from(high) << 32 | u64::from(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_step_by_one_and_saturate() {
        let mut counters = [0; 64];
        let target = 0x8000_0001_0000_0005;
        for (steps, at) in [(1, 1), (126, 127), (3, 127)] {
            for _ in 0..steps {
                step(&mut counters, target, 1);
            }
            let up = |i: usize| target >> i & 1 == 1;
            for (i, &counter) in counters.iter().enumerate() {
                let down = if at == 127 && steps == 3 { -128 } else { -at };
                assert_eq!(counter, if up(i) { at } else { down }, "{i}");
            }
            assert_eq!(signs(&counters), target);
        }
        step(&mut counters, !target, 63);
        for (i, &counter) in counters.iter().enumerate() {
            let was_up = target >> i & 1 == 1;
            assert_eq!(counter, if was_up { 64 } else { -65 }, "{i}");
        }
    }

    #[test]
    fn a_weight_flips_after_as_many_steps_either_way() {
        let mut counters = [0; 64];
        let weights = 0x0123_4567_89AB_CDEF;
        start(&mut counters, weights);
        for _ in 1..START {
            step(&mut counters, !weights, 1);
            assert_eq!(signs(&counters), weights);
        }
        step(&mut counters, !weights, 1);
        assert_eq!(signs(&counters), !weights);
    }
}
