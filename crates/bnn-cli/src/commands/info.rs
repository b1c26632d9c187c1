//! `bnn info`: what is in a model file.

mod graph;

use bnn_core::model::{Layer, LayerKind, Model, Stream};
use serde_json::{Map, Value, json};

use crate::args::InfoArgs;
use crate::error::CliError;
use crate::mcu::{Needs, Prediction};
use crate::model_file::{self, shape};
use crate::out;
use crate::outputs::{self, Input, Replacing};
use crate::table::{columns, facts, thousands};
use crate::text::unescape_meta;
use crate::weights;

pub(crate) fn run(args: &InfoArgs) -> Result<(), CliError> {
    let bytes = model_file::read(&args.model)?;
    let model = model_file::open(&bytes, &args.model)?;
    if args.dot {
        return graph::dot(&model);
    }
    let is_graph = graph::is_graph(&model);
    let scratch = model.scratch_words(1).map_err(CliError::failed)? * size_of::<u64>();
    let (of_chain, of_graph) = (args.mcu && !is_graph, args.mcu && is_graph);
    let mcu = of_chain.then(|| Prediction::new(&model)).transpose()?;
    let needs = of_graph.then(|| Needs::of(&model)).transpose()?;
    if let Some(path) = &args.weights {
        let outputs = outputs::claim(&[Input::File(&args.model)], &[path])?;
        let rule = Replacing {
            force: args.force,
            by: "bnn info --weights of this model",
        };
        rule.write(&outputs, &[weights::npz(&model)?])?;
    }
    if args.json {
        let mut told = as_json(&model, scratch);
        if let Some(mcu) = mcu {
            told["mcu"] = mcu.as_json();
        }
        if let Some(needs) = needs {
            told["mcu"] = needs.as_json();
        }
        if let Some(path) = &args.weights {
            told["weights_file"] = path.display().to_string().into();
        }
        return out::json(told);
    }
    let ((_, input), (_, output)) = (model.input(), model.output());
    let mut rows = vec![
        ("file".to_owned(), args.model.display().to_string()),
        ("bytes".to_owned(), thousands(model.file_bytes())),
        (
            "checksum".to_owned(),
            format!("{:08x} (CRC-32, correct)", model.checksum()),
        ),
        (
            "input".to_owned(),
            format!("{} x {input}", shape(model.input_shape())),
        ),
        (
            "output".to_owned(),
            format!("{} x {output}", shape(model.output_shape())),
        ),
        (
            "scratch memory".to_owned(),
            format!("{} bytes per sample", thousands(scratch)),
        ),
    ];
    rows.extend(stream(&model).map(|told| ("as a stream of rows".to_owned(), told)));
    let file = args.weights.iter();
    rows.extend(file.map(|path| ("weights written to".to_owned(), path.display().to_string())));
    rows.extend(
        noted(&model)
            .take(SHOWN)
            .map(|(name, value)| (name.to_owned(), value)),
    );
    rows.extend(left_out(
        "lines of meta text",
        noted(&model).skip(SHOWN).count(),
    ));
    out::table(facts(&rows))?;
    if is_graph {
        graph::table(&model, scratch)?;
        return needs.map_or(Ok(()), |needs| graph::mcu(&needs));
    }
    let row = |(i, layer): (usize, Layer<'_>)| {
        [
            format!("{i} {}", describe(&layer)),
            format!("{} x {}", shape(layer.input_shape), layer.input),
            format!("{} x {}", shape(layer.output_shape), layer.output),
            thousands(weight_count(&layer)),
            thousands(layer.bytes()),
        ]
    };
    let mut layers: Vec<_> = model.layers().take(SHOWN).enumerate().map(row).collect();
    if let Some((what, how_many)) = left_out("layers", model.layers().len().saturating_sub(SHOWN)) {
        let [a, b, c] = [const { String::new() }; 3];
        layers.push([what, how_many, a, b, c]);
    }
    out::table(columns(
        ["layer", "input", "output", "weights (bits)", "bytes"],
        &layers,
    ))?;
    if let Some(mcu) = mcu {
        out::line("On microcontrollers, one sample at a time, as measured in emulators:")?;
        out::table(mcu.layers())?;
        out::table(mcu.cores())?;
    }
    Ok(())
}

/// What a stream of rows through the model takes and gives, if there is one.
fn stream(model: &Model<'_>) -> Option<String> {
    let bytes = Stream::words(model).ok()? * size_of::<u64>();
    let ([height, ..], sizes) = (model.input_shape(), model.sizes());
    let rows = |n: usize| match n {
        1 => "each row".to_owned(),
        n => format!("each {} rows", thousands(n)),
    };
    let results = match sizes.stream_slides {
        true => format!(
            "slides: a result after {} rows, then after {}",
            thousands(height),
            rows(sizes.stream_step)
        ),
        false => format!("a result for {}", rows(height)),
    };
    Some(format!("{} bytes of memory; {results}", thousands(bytes)))
}

/// Most lines of meta text, and most layers, in a table: a file of 16 MB can have a million lines.
const SHOWN: usize = 500;
/// Most lines and layers in JSON: enough for 65 536 classes and for any real network.
const TOLD_LINES: usize = 70_000;
const TOLD_LAYERS: usize = 5_000;

/// The `key=value` lines of the meta text, with unescaped values.
fn noted<'a>(model: &Model<'a>) -> impl Iterator<Item = (&'a str, String)> {
    let lines = model.meta().lines().filter_map(|line| line.split_once('='));
    lines.map(|(name, value)| (name, unescape_meta(value).into_owned()))
}

/// A row that counts the rows left out of a table, if there are any.
fn left_out(what: &str, how_many: usize) -> Option<(String, String)> {
    (how_many > 0).then(|| {
        (
            "..".to_owned(),
            format!("{} more {what}", thousands(how_many)),
        )
    })
}

/// What a layer does, in a few words.
fn describe(layer: &Layer<'_>) -> String {
    let kind = layer.kind;
    match kind {
        LayerKind::Conv2d(conv) => {
            let [height, width] = conv.windows().kernel();
            match conv.groups() {
                1 => format!("{kind} {height}x{width}"),
                groups => format!("{kind} {height}x{width}, {groups} groups"),
            }
        }
        LayerKind::MaxPool2d(pool) => {
            let [height, width] = pool.windows().kernel();
            format!("{kind} {height}x{width}")
        }
        _ => kind.to_string(),
    }
}

fn weight_count(layer: &Layer<'_>) -> usize {
    layer.weights.map_or(0, |w| w.rows() * w.cols())
}

fn as_json(model: &Model<'_>, scratch: usize) -> Value {
    let layer = |layer: Layer<'_>| {
        let elements = |shape: [usize; 3]| shape.iter().product::<usize>();
        json!({
            "kind": layer.kind.to_string(),
            "inputs": elements(layer.input_shape),
            "input_shape": layer.input_shape,
            "input_type": layer.input.to_string(),
            "outputs": elements(layer.output_shape),
            "output_shape": layer.output_shape,
            "output_type": layer.output.to_string(),
            "weights": weight_count(&layer),
            "bytes": layer.bytes(),
        })
    };
    let layers: Vec<Value> = model.layers().take(TOLD_LAYERS).map(layer).collect();
    let ((k, input), (n, output)) = (model.input(), model.output());
    let mut meta = Map::new();
    for (name, value) in noted(model).take(TOLD_LINES) {
        // The first line with a name counts.
        meta.entry(name).or_insert_with(|| value.into());
    }
    let mut told = json!({
        "bytes": model.file_bytes(),
        "checksum": format!("{:08x}", model.checksum()),
        "inputs": k,
        "input_shape": model.input_shape(),
        "input_type": input.to_string(),
        "outputs": n,
        "output_shape": model.output_shape(),
        "output_type": output.to_string(),
        "scratch_bytes": scratch,
        "layers": layers,
        "layers_left_out": model.layers().len().saturating_sub(TOLD_LAYERS),
        "meta": meta,
        "meta_lines_left_out": noted(model).skip(TOLD_LINES).count(),
    });
    if let Ok(words) = Stream::words(model) {
        let sizes = model.sizes();
        told["stream"] = json!({
            "bytes": words * size_of::<u64>(),
            "slides": sizes.stream_slides,
            "rows_per_result": sizes.stream_step,
        });
    }
    if graph::is_graph(model) {
        told["nodes"] = graph::as_json(model);
    }
    told
}
