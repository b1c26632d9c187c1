//! What `--arch` says becomes the network that it describes.

use bnn_autograd::data;
use bnn_autograd::nn::Module;

use super::*;

#[test]
fn architectures_are_read_written_and_read_again_or_refused() {
    let digits = data::digits().unwrap().train;
    let parsed = |text: &str| Architecture::parse(text, &[7], &digits);
    for (text, whole) in [
        ("mlp", "mlp:7"),
        ("mlp:3, 4", "mlp:3,4"),
        ("cnn", "cnn:width=32,stages=2,hidden=256"),
        ("cnn:hidden=9", "cnn:width=32,stages=2,hidden=9"),
        ("resnet", "resnet:width=32,blocks=1,stages=2"),
        (
            "reactnet:width=8,blocks=2",
            "reactnet:width=8,blocks=2,stages=2",
        ),
        (
            "resnet:fixed=8",
            "resnet:width=32,blocks=1,stages=2,fixed=8",
        ),
        (
            "quicknet:int8=3,first=4,width=8,fixed=8",
            "quicknet:width=8,blocks=1,stages=2,first=4,fixed=8,int8=3",
        ),
        (
            "reactnet:fixed=8,separable,slides,int8=8",
            "reactnet:width=32,blocks=1,stages=2,separable,slides,fixed=8,int8=8",
        ),
        ("quicknet:stages=1", "quicknet:width=32,blocks=1,stages=1"),
        (
            "reactnet:fixed=15,stem=4",
            "reactnet:width=32,blocks=1,stages=2,stem=4,fixed=15",
        ),
        (
            "reactnet:slides,width=4,fixed=3",
            "reactnet:width=4,blocks=1,stages=2,slides,fixed=3",
        ),
        ("resnet:slides", "resnet:width=32,blocks=1,stages=2,slides"),
        (
            "quicknet:stem=2,stages=1",
            "quicknet:width=32,blocks=1,stages=1,stem=2",
        ),
    ] {
        let found = parsed(text).map_err(|error| error.to_string()).unwrap();
        assert_eq!(found.to_string(), whole);
        assert_eq!(parsed(whole).map_err(|error| error.to_string()), Ok(found));
    }
    // What is computed again is no property of the network, but of a run.
    let read = |text: &str| parsed(text).map_err(|error| error.to_string()).unwrap();
    let again = read("reactnet:recompute=3");
    let network = "reactnet:width=32,blocks=1,stages=2";
    assert_eq!(again.to_string(), network);
    assert_eq!(again.of_run(), format!("{network},recompute=3"));
    assert_eq!(read(network).of_run(), network);
    for wrong in [
        "",
        "resnet:recompute=0",
        "resnet18",
        "mlp:",
        "mlp:0",
        "mlp:3,,4",
        "mlp:x",
        "mlp:65536,65536",
        "cnn:3",
        "cnn:",
        "cnn:width=0",
        "cnn:width=3,width=4",
        "cnn:blocks=1",
        "resnet:width=x",
        "resnet:fixed=16",
        "resnet:int8=1",
        "resnet:fixed=8,int8=0",
        "cnn:first=8",
        "resnet:stem=3",
        "resnet:slides,slides",
        "resnet:slides=1",
        "cnn:slides",
        "cnn:separable",
        "cnn:stem=2",
        "reactnet:fixed=0",
        "resnet:width=9999999999999999999",
        "resnet:width=4,stages=70",
        "reactnet:width=1048576",
    ] {
        assert!(matches!(parsed(wrong), Err(CliError::Input(_))), "{wrong}");
    }
}

#[test]
fn weights_are_counted_before_they_are_made() {
    let digits = data::digits().unwrap().train;
    for text in [
        "mlp:3,4",
        "cnn:width=4,hidden=5",
        "resnet:width=4",
        "resnet:width=4,fixed=9",
        "quicknet:width=4,stem=4",
        "reactnet:width=2",
    ] {
        let network = Architecture::parse(text, &[7], &digits).unwrap();
        let net = network
            .build(&digits, &Ends::default(), &mut Rng::new(1))
            .unwrap();
        let mut weights = 0;
        net.params(&mut |name, param| {
            let counts = name.ends_with("weight");
            weights += if counts { param.value().numel() } else { 0 };
        });
        let counted = network.weights(&digits).unwrap();
        // Stems are counted as if they had filters of 7 x 7.
        assert!(
            (weights..=weights + 49 * 4).contains(&counted),
            "{text}: {weights}, {counted}"
        );
    }
}
