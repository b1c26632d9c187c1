//! The binary linear layer beside the same layer in 8-bit integers, by the SIMD instructions of
//! Cortex-M4: instructions and bytes of weights of either. The exit code is 1 where a sum differs
//! from the definition, or where the ratio of instructions is less than its goal.
//!
//! For thumbv7em only. `ci/firmware.sh` builds it and runs it in an emulator.
#![no_std]
#![no_main]

use core::arch::naked_asm;

use bnn_core::{BitMatrixView, Error, gemm_i32, reference};
use boards::counter::Counter;
use boards::noise::{noise, noise_words};
use semihosting::{println, process};

/// `[outputs, inputs]` of the layer.
const N: usize = 256;
const K: usize = 256;
const WORDS: usize = K / 64;

/// Tenths of times fewer instructions on bits.
const GOAL: u32 = 60;

/// In flash.
static BITS: [u64; N * WORDS] = noise_words(1);
static BYTES: [[i8; K]; N] = signs();

/// The weights of `BITS` as they are in 8-bit integers: -1 and +1.
const fn signs() -> [[i8; K]; N] {
    let mut bytes = [[0; K]; N];
    let mut at = 0;
    while at < N * K {
        let bit = noise(1, at / 64) >> (at % 64) & 1;
        bytes[at / K][at % K] = 2 * bit as i8 - 1;
        at += 1;
    }
    bytes
}

#[cortex_m_rt::entry]
fn main() -> ! {
    process::exit(match compare() {
        Ok(Ok(())) => 0,
        Ok(Err(wrong)) => {
            println!("int8: {wrong}");
            1
        }
        Err(error) => {
            println!("int8: {error}");
            1
        }
    })
}

/// # Errors
/// What the library refuses (outer), what differs or is too slow (inner).
fn compare() -> Result<Result<(), &'static str>, Error> {
    let mut counter = Counter::start();
    let row = [noise(2, 0), noise(2, 1), noise(2, 2), noise(2, 3)];
    let x: [i8; K] = core::array::from_fn(|i| 2 * (row[i / 64] >> (i % 64) & 1) as i8 - 1);
    let row = BitMatrixView::new(&row, 1, K)?;
    let weights = BitMatrixView::new(&BITS, N, K)?;
    let mut expected = [0; N];
    reference::gemm_i32(row, weights, &mut expected, N)?;

    let mut sums = [0; N];
    let (done, bits) = counter.count(|| gemm_i32(row, weights, &mut sums, N));
    done?;
    if sums != expected {
        return Ok(Err("a sum of bits differs"));
    }
    println!(
        "bits: {bits} instructions, {} bytes of weights",
        size_of_val(&BITS)
    );

    let ((), bytes) = counter.count(|| layer(&x, &BYTES, &mut sums));
    if sums != expected {
        return Ok(Err("a sum of bytes differs"));
    }
    let tenths = bytes * 10 / bits;
    println!(
        "int8: {bytes} instructions, {} bytes of weights",
        size_of_val(&BYTES)
    );
    println!(
        "{}.{} times fewer instructions on bits",
        tenths / 10,
        tenths % 10
    );

    let ((), widened) = counter.count(|| layer_of_widened(&widen(&x), &BYTES, &mut sums));
    if sums != expected {
        return Ok(Err("a sum of widened bytes differs"));
    }
    let of_widened = widened * 10 / bits;
    println!("int8, inputs widened to 16 bits once: {widened} instructions");
    println!(
        "{}.{} times fewer on bits",
        of_widened / 10,
        of_widened % 10
    );
    if tenths < GOAL || size_of_val(&BYTES) != 8 * size_of_val(&BITS) {
        return Ok(Err("less than the goal"));
    }
    Ok(Ok(()))
}

/// `sums[i] = x · weights[i]`, four rows at once, which share the widened inputs.
fn layer(x: &[i8; K], weights: &[[i8; K]; N], sums: &mut [i32; N]) {
    for (rows, sums) in weights.as_chunks().0.iter().zip(sums.as_chunks_mut().0) {
        four_rows(x, rows, sums);
    }
}

/// Inputs in the order in which `sxtb16` widens weights: of each eight 0 and 2, 1 and 3, 4 and 6, 5
/// and 7.
fn widen(x: &[i8; K]) -> [i16; K] {
    core::array::from_fn(|i| i16::from(x[i & !3 | [0, 2, 1, 3][i & 3]]))
}

/// Computes what `layer` does, of inputs that `widen` made: twice the memory.
fn layer_of_widened(x: &[i16; K], weights: &[[i8; K]; N], sums: &mut [i32; N]) {
    for (rows, sums) in weights.as_chunks().0.iter().zip(sums.as_chunks_mut().0) {
        four_rows_of_widened(x, rows, sums);
    }
}

/// Four weights of a row, the next ones at `$w`, times the inputs in r5 and r6, added to `$sum`.
macro_rules! four_weights {
    ($w:literal, $sum:literal) => {
        concat!(
            "ldr r7, [",
            $w,
            "], #4\n",
            "sxtb16 r8, r7\n",
            "sxtb16 r7, r7, ror #8\n",
            "smlad ",
            $sum,
            ", r8, r5, ",
            $sum,
            "\n",
            "smlad ",
            $sum,
            ", r7, r6, ",
            $sum,
            "\n",
        )
    };
}

/// The next four inputs times the weights of four rows: 23 instructions.
macro_rules! four_inputs {
    () => {
        concat!(
            "ldr r7, [r0], #4
            sxtb16 r5, r7
            sxtb16 r6, r7, ror #8
            ",
            four_weights!("r1", "r9"),
            four_weights!("r2", "r10"),
            four_weights!("r3", "r11"),
            four_weights!("r4", "r12"),
        )
    };
}

/// The sums of four rows of `K` weights.
#[unsafe(naked)]
extern "C" fn four_rows(x: &[i8; K], rows: &[[i8; K]; 4], sums: &mut [i32; 4]) {
    naked_asm!(
        "push {{r2, r4-r11, lr}}
        add lr, r0, #{k}
        add r2, r1, #{k}
        add r3, r2, #{k}
        add r4, r3, #{k}
        mov r9, #0
        mov r10, #0
        mov r11, #0
        mov r12, #0
        2:",
        four_inputs!(),
        four_inputs!(),
        "cmp r0, lr
        bne 2b
        pop {{r0}}
        stm r0, {{r9-r12}}
        pop {{r4-r11, pc}}",
        k = const K,
    )
}

/// Eight weights, those of a row `$row` further on than r1, times the inputs in r2 to r5, added to
/// `$sum`.
macro_rules! eight_weights {
    ($row:literal, $sum:literal) => {
        concat!(
            "ldrd r6, r7, [r1, #",
            $row,
            " * {k}]\n",
            "sxtb16 r8, r6\n",
            "sxtb16 r6, r6, ror #8\n",
            "smlad ",
            $sum,
            ", r8, r2, ",
            $sum,
            "\n",
            "smlad ",
            $sum,
            ", r6, r3, ",
            $sum,
            "\n",
            "sxtb16 r8, r7\n",
            "sxtb16 r7, r7, ror #8\n",
            "smlad ",
            $sum,
            ", r8, r4, ",
            $sum,
            "\n",
            "smlad ",
            $sum,
            ", r7, r5, ",
            $sum,
            "\n",
        )
    };
}

/// Computes what `four_rows` does, of widened inputs: 40 instructions for eight weights of each.
#[unsafe(naked)]
extern "C" fn four_rows_of_widened(x: &[i16; K], rows: &[[i8; K]; 4], sums: &mut [i32; 4]) {
    naked_asm!(
        "push {{r2, r4-r11, lr}}
        add lr, r0, #2 * {k}
        mov r9, #0
        mov r10, #0
        mov r11, #0
        mov r12, #0
        2:
        ldm r0!, {{r2-r5}}",
        eight_weights!(0, "r9"),
        eight_weights!(1, "r10"),
        eight_weights!(2, "r11"),
        eight_weights!(3, "r12"),
        "adds r1, #8
        cmp r0, lr
        bne 2b
        pop {{r0}}
        stm r0, {{r9-r12}}
        pop {{r4-r11, pc}}",
        k = const K,
    )
}
