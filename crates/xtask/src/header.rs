//! `include/bnn.h`, generated from the sources of `bnn-capi`.
//!
//! cbindgen does not look into macros, and every exported function is made by `export!`. So the
//! sources are read here, in the order in which `lib.rs` names its modules, each `export! { fn ..
//! }` is replaced by the function that it makes, and cbindgen gets the result as one file.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use crate::repository::repository;
use quote::{ToTokens, quote};
use syn::{FnArg, Item, ItemFn, parse_quote};

/// What the header is when it is made from the sources as they are now.
fn generated() -> Result<String, Box<dyn Error>> {
    let sources = repository().join("crates/bnn-capi");
    let items = flattened(&sources.join("src/lib.rs"))?;
    let directory = tempfile::tempdir()?;
    let flat = directory.path().join("flat.rs");
    fs::write(&flat, quote!(#(#items)*).to_string())?;

    let mut header = Vec::new();
    cbindgen::Builder::new()
        .with_config(cbindgen::Config::from_file(sources.join("cbindgen.toml"))?)
        .with_src(flat)
        .generate()?
        .write(&mut header);
    Ok(tagged(&String::from_utf8(header)?))
}

/// Gives enums and structs their names as tags too, so that C can declare them beforehand.
/// (cbindgen would then put `struct` and `enum` before every use.)
fn tagged(header: &str) -> String {
    let mut name = "";
    let mut lines: Vec<String> = Vec::new();
    // From the end, where the name stands.
    for line in header.split_inclusive('\n').rev() {
        if let Some(closing) = line.strip_prefix("} ") {
            name = closing.trim_end_matches([';', '\n']);
        }
        lines.push(match line {
            "typedef enum {\n" => format!("typedef enum {name} {{\n"),
            "typedef struct {\n" => format!("typedef struct {name} {{\n"),
            other => other.to_owned(),
        });
    }
    lines.reverse();
    lines.concat()
}

/// Writes the header.
pub(crate) fn write() -> Result<(), Box<dyn Error>> {
    Ok(fs::write(path(), generated()?)?)
}

/// Fails where the committed header is not what the sources give.
pub(crate) fn check() -> Result<(), Box<dyn Error>> {
    let committed = fs::read_to_string(path())?;
    let generated = generated()?;
    if committed == generated {
        return Ok(());
    }
    let same = committed.lines().zip(generated.lines());
    let line = same.take_while(|(old, new)| old == new).count();
    let at = |text: &str| text.lines().nth(line).unwrap_or("end of file").to_owned();
    Err(format!(
        "include/bnn.h is not what crates/bnn-capi gives; run `cargo xtask header` and commit it.\n\
         line {}: committed: {}\n\
         line {}: expected:  {}",
        line + 1,
        at(&committed),
        line + 1,
        at(&generated),
    )
    .into())
}

fn path() -> PathBuf {
    repository().join("include/bnn.h")
}

/// The items of a source file and of the modules that it declares, with `export!` replaced.
fn flattened(file: &Path) -> Result<Vec<Item>, Box<dyn Error>> {
    let source =
        fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let mut items = Vec::new();
    for item in syn::parse_file(&source)?.items {
        match item {
            Item::Mod(module) if module.content.is_none() => {
                items.extend(flattened(&module_file(file, &module.ident.to_string()))?);
            }
            Item::Macro(call) if call.mac.path.is_ident("export") => {
                items.push(exported(call.mac.parse_body()?));
            }
            other => items.push(other),
        }
    }
    Ok(items)
}

/// The file of the module `name` that `parent` declares.
fn module_file(parent: &Path, name: &str) -> PathBuf {
    let stem = parent.file_stem().unwrap_or_default();
    let directory = if stem == "lib" || stem == "mod" {
        parent.with_file_name("")
    } else {
        parent.with_extension("")
    };
    let flat = directory.join(name).with_extension("rs");
    if flat.exists() {
        flat
    } else {
        directory.join(name).join("mod.rs")
    }
}

/// The function that `export!` makes, without its body. Pointers that may be NULL, and those to
/// text, are plain pointers to C.
fn exported(mut function: ItemFn) -> Item {
    for input in &mut function.sig.inputs {
        if let FnArg::Typed(argument) = input {
            let named = argument.ty.to_token_stream().to_string();
            match named.as_str() {
                "OptionalInput" => *argument.ty = parse_quote!(*const f32),
                "OptionalIntegers" => *argument.ty = parse_quote!(*const i32),
                "OptionalOutput" => *argument.ty = parse_quote!(*mut f32),
                "TextPointer" => *argument.ty = parse_quote!(*const c_char),
                _ => {}
            }
        }
    }
    function.sig.unsafety = parse_quote!(unsafe);
    function.sig.abi = parse_quote!(extern "C");
    function.attrs.push(parse_quote!(#[unsafe(no_mangle)]));
    function.block = parse_quote!({});
    Item::Verbatim(function.into_token_stream())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_committed_header_is_what_the_sources_give() {
        let checked = super::check().map_err(|error| error.to_string());
        assert_eq!(checked, Ok(()));
    }
}
