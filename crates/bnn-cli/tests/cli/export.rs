//! Models as source code: programs that have them in them say what the command says.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::{QUICK, files, json, refused, stdout};

/// Trains a model, and returns the first test images and what `bnn predict` says of them.
fn model(folder: &Path) -> (Vec<u8>, String) {
    json(folder, &[&QUICK[..], &["--json"]].concat());
    let digits = bnn_autograd::data::digits().unwrap();
    let test = digits.test;
    let chosen = test
        .subset(&bnn_autograd::internal::data::spread(test.labels(), 40))
        .unwrap();
    let pixels = chosen.pixels().to_vec();
    let rows = pixels.chunks(64).map(|row| {
        let numbers: Vec<String> = row.iter().map(u8::to_string).collect();
        numbers.join(",") + "\n"
    });
    fs::write(folder.join("rows.csv"), rows.collect::<String>()).unwrap();
    let said = stdout(folder, &["predict", "digits.bnn", "rows.csv"]);
    (pixels, said)
}

fn numbers(pixels: &[u8]) -> String {
    let mut text = String::new();
    for pixel in pixels {
        write!(text, "{pixel}, ").unwrap();
    }
    text
}

#[cfg(target_os = "linux")]
#[test]
fn a_c_program_with_the_model_in_it_says_what_the_command_says() {
    use super::c_program::{compile, has};

    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (pixels, said) = model(folder);
    let written = stdout(
        folder,
        &["export", "digits.bnn", "--to", "c", "--name", "net"],
    );
    assert_eq!(written, "net.h\nnet.c\n");
    let main = format!(
        r#"#include <stdio.h>
#include "net.h"

static const uint8_t pixels[] = {{ {} }};
static uint64_t scratch[NET_SCRATCH_WORDS];

int main(void)
{{
    bnn_model_t model;
    size_t i, j;
    if (NET_BYTES != sizeof net_words && NET_BYTES + 8 <= sizeof net_words)
        return 1;
    if (net_open(&model) != BNN_OK || bnn_model_scratch_bytes(&model) > sizeof scratch)
        return 2;
    for (i = 0; i < sizeof pixels / NET_INPUTS; i++) {{
        float scores[NET_OUTPUT_LENGTH];
        size_t best = 0;
        if (net_run(&model, pixels + i * NET_INPUTS, scores, scratch) != BNN_OK)
            return 3;
        for (j = 1; j < NET_OUTPUTS; j++)
            if (scores[j] > scores[best])
                best = j;
        printf("%u\n", (unsigned)best);
    }}
    return 0;
}}
"#,
        numbers(&pixels)
    );
    fs::write(folder.join("main.c"), main).unwrap();
    for (compiler, language) in [
        ("gcc", "-std=c99"),
        ("clang", "-std=c99"),
        ("g++", "-std=c++11"),
    ] {
        if !has(compiler) {
            continue;
        }
        let sources = ["main.c", "net.c"].map(|name| folder.join(name));
        compile(compiler, language, &sources, &folder.join("program"));
        let output = Command::new(folder.join("program")).output().unwrap();
        assert!(output.status.success(), "{compiler}: {:?}", output.status);
        assert_eq!(
            String::from_utf8(output.stdout).unwrap(),
            said,
            "{compiler}"
        );
    }
}

#[test]
fn a_rust_program_with_the_model_in_it_says_what_the_command_says() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (pixels, said) = model(folder);
    fs::create_dir(folder.join("src")).unwrap();
    stdout(
        folder,
        &["export", "digits.bnn", "--to", "rust", "--out", "src"],
    );
    let core = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bnn-core");
    let manifest = format!(
        "[package]\nname = \"embedded\"\nedition = \"2024\"\n\n[dependencies]\n\
         bnn-core = {{ path = {core:?}, default-features = false }}\n\n[workspace]\n"
    );
    fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    let main = format!(
        r#"#![deny(warnings)]
#[allow(dead_code)]
mod digits;

use bnn_core::model::{{Input, Output, argmax}};

static PIXELS: [digits::Input; {}] = [{}];

fn main() {{
    let model = digits::MODEL;
    for x in &PIXELS {{
        let mut scratch = [0; digits::SCRATCH_WORDS];
        let mut y: digits::Output = [0.0; digits::OUTPUTS];
        model.run(1, Input::Bytes(x), Output::F32(&mut y), &mut scratch).unwrap();
        println!("{{}}", argmax(&y).unwrap());
    }}
}}
"#,
        pixels.len() / 64,
        pixels
            .chunks(64)
            .map(|image| format!("[{}], ", numbers(image)))
            .collect::<String>(),
    );
    fs::write(folder.join("src/main.rs"), main).unwrap();
    // What this workspace is locked to is there already.
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Cargo.lock");
    fs::copy(lock, folder.join("Cargo.lock")).unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    let output = cargo
        .args(["run", "--quiet", "--offline"])
        .current_dir(folder)
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), said);
}

#[test]
fn the_file_itself_is_checked_before_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    model(folder);
    let whole = fs::read(folder.join("digits.bnn")).unwrap();
    assert_eq!(
        stdout(folder, &["export", "digits.bnn", "--to", "bin"]),
        "digits.bin\n"
    );
    assert_eq!(fs::read(folder.join("digits.bin")).unwrap(), whole);
    let before = files(folder);
    fs::write(folder.join("cut.bnn"), &whole[..whole.len() - 1]).unwrap();
    refused(folder, &["export", "cut.bnn", "--to", "c"], &["cut.bnn"]);
    refused(
        folder,
        &["export", "digits.bnn", "--to", "c", "--name", "9"],
        &["--name 9"],
    );
    refused(
        folder,
        &["export", "digits.bnn", "--to", "pascal"],
        &["pascal", "rust"],
    );
    refused(
        folder,
        &["export", "digits.bnn", "--to", "c", "--out", "none"],
        &["none"],
    );
    assert_eq!(files(folder).len(), before.len() + 1);
}

/// Python tests that ONNX Runtime computes the file.
#[test]
fn a_model_becomes_an_onnx_file_of_the_same_bytes_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../firmware/models");
    let path = |name: &str| models.join(name).to_str().unwrap().to_owned();
    let export = |name: &str| {
        stdout(
            folder,
            &["export", &path("cnn.bnn"), "--to", "onnx", "--name", name],
        )
    };
    assert_eq!(export("a"), "a.onnx\n");
    export("b");
    let [a, b] = ["a.onnx", "b.onnx"].map(|name| fs::read(folder.join(name)).unwrap());
    assert_eq!(a, b);
    let has = |text: &str| a.windows(text.len()).any(|found| found == text.as_bytes());
    assert!(has("BinaryConv2dBits") && has("input"));
    refused(
        folder,
        &["export", &path("residual.bnn"), "--to", "onnx"],
        &["node 1, product: fixed point"],
    );
    assert_eq!(files(folder), ["a.onnx", "b.onnx"]);
}
