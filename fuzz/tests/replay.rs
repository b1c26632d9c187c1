//! Replays the kept inputs of every fuzz target, without libFuzzer and with the stable compiler:
//!
//! ```console
//! $ cargo test -p bnn-fuzz
//! ```

use std::fs;
use std::path::Path;

use bnn_fuzz::targets::TARGETS;

#[test]
fn every_kept_input_describes_a_case_that_is_right() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    for (name, run) in TARGETS {
        let folder = fs::read_dir(seeds.join(name)).expect("a folder for each target");
        let mut inputs = 0;
        for file in folder {
            let path = file.expect("a file's name").path();
            let input = fs::read(&path).expect("a file that can be read");
            assert!(run(&input), "{} describes no case", path.display());
            inputs += 1;
        }
        assert!(inputs >= 64, "only {inputs} inputs of {name}");
    }
}
