//! `bnn info --mcu`: what a model takes on a microcontroller. That the predictions are right
//! `ci/firmware.sh` checks.

use serde_json::Value;

use super::{QUICK, json, stdout};

/// A number of the answer.
fn number(told: &Value, key: &str) -> u64 {
    told[key].as_u64().unwrap()
}

#[test]
fn operations_follow_from_the_shapes_and_totals_are_sums() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    json(folder, &[&QUICK[..], &["--json"]].concat());
    let told = json(folder, &["info", "digits.bnn", "--mcu", "--json"]);
    let mcu = &told["mcu"];
    // 64 inputs of 5 bits, 40 hidden, 10 scores.
    let layers = mcu["layers"].as_array().unwrap();
    let of = |key: &str| -> Vec<u64> { layers.iter().map(|l| number(l, key)).collect() };
    assert_eq!(of("binary_macs"), [5 * 64 * 40, 40 * 10]);
    assert_eq!(of("word_operations"), [5 * 40, 10]);
    assert_eq!(of("bytes"), [40 * 8 + 40 * 2, 10 * 8 + 2 * 10 * 4]);
    assert_eq!(number(mcu, "input_bytes"), 64);
    assert_eq!(number(mcu, "output_bytes"), 40);
    assert_eq!(mcu["scratch_bytes"], told["scratch_bytes"]);

    let cores = mcu["cores"].as_array().unwrap();
    assert_eq!(cores.len(), 3);
    let memory = number(mcu, "scratch_bytes") + 64 + 40;
    for core in cores {
        assert_eq!(
            number(core, "flash_bytes"),
            number(&told, "bytes") + number(core, "library_bytes")
        );
        assert_eq!(
            number(core, "ram_bytes"),
            memory + number(core, "stack_bytes")
        );
        let layers = core["layer_instructions"].as_array().unwrap();
        let sum: u64 = layers.iter().map(|n| n.as_u64().unwrap()).sum();
        assert_eq!(number(core, "run_instructions"), sum);
        assert!(layers[0].as_u64() > layers[1].as_u64());
    }
    assert!(json(folder, &["info", "digits.bnn", "--json"])["mcu"].is_null());
}

#[test]
fn a_first_layer_on_bits_has_no_bit_planes_but_a_comparison_for_each_byte() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let told = |input: &'static str| {
        let train = [&QUICK[..], &["--input", input, "--force", "--json"]].concat();
        json(folder, &train);
        json(folder, &["info", "digits.bnn", "--mcu", "--json"])
    };
    let (on_bytes, on_bits) = (told("bytes"), told("bits"));
    let layer = |told: &Value, key: &str| number(&told["mcu"]["layers"][0], key);
    assert_eq!(layer(&on_bits, "binary_macs"), 64 * 40);
    assert_eq!(layer(&on_bits, "word_operations"), 40);
    // A threshold for each of 64 bytes.
    assert_eq!(layer(&on_bits, "bytes"), layer(&on_bytes, "bytes") + 64);
    assert_eq!(number(&on_bits["mcu"], "input_bytes"), 64);
    // The row of bits, and those of the hidden layer; no zeros and no planes.
    assert_eq!(number(&on_bits["mcu"], "scratch_bytes"), 8 * (1 + 1));
    let cores = |told: &Value| told["mcu"]["cores"].as_array().unwrap().clone();
    for (bits, bytes) in cores(&on_bits).iter().zip(&cores(&on_bytes)) {
        let first = |core: &Value| core["layer_instructions"][0].as_u64().unwrap();
        let second = |core: &Value| core["layer_instructions"][1].as_u64().unwrap();
        assert_eq!(second(bits), second(bytes));
        assert!(first(bits) * 2 < first(bytes), "{bits} {bytes}");
        // A comparison takes some instructions.
        assert!(first(bits) > 64 * 3, "{bits}");
    }
}

#[test]
fn a_model_of_twice_the_size_takes_twice_the_time_but_for_what_layers_take_anyway() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let run = |width: &str| {
        let arch = format!("mlp:{width}");
        json(
            folder,
            &[
                "train", "--arch", &arch, "--epochs", "1", "--force", "--json",
            ],
        );
        let told = json(folder, &["info", "digits.bnn", "--mcu", "--json"]);
        number(&told["mcu"]["cores"][0], "run_instructions")
    };
    let (one, two, three) = (run("128"), run("256"), run("384"));
    // The second layer's rows grow by words, which cost what they cost: 2, 4 and 6.
    let (first, second) = (two - one, three - two);
    assert!(first.abs_diff(second) * 20 < first, "{one} {two} {three}");
}

#[test]
fn the_tables_say_flash_ram_and_instructions() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    json(folder, &[&QUICK[..], &["--json"]].concat());
    let tables = stdout(folder, &["info", "digits.bnn", "--mcu"]);
    for word in [
        "binary MACs",
        "12 800", // 5 * 64 * 40
        "1 x 64 -> 40",
        "Cortex-M4",
        "Cortex-M0",
        "RV32IMC",
        "flash: library",
        "RAM: stack",
        "instructions of a run",
    ] {
        assert!(tables.contains(word), "no {word:?} in {tables}");
    }
}
