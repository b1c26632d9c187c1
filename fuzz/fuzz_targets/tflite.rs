#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    bnn_fuzz::targets::tflite(data);
});
