//! Functions in a disassembly of Thumb code, as GNU objdump writes it: what each takes from the
//! stack, and what it calls.

use std::collections::BTreeMap;

/// A function of the program.
#[derive(Debug)]
pub(super) struct Function {
    pub(super) name: String,
    /// Bytes of stack, at most: all that any of its instructions takes, as if none was given back
    /// before the end.
    pub(super) frame: usize,
    /// Addresses of the functions that it calls, or jumps to as its last act.
    pub(super) calls: Vec<u64>,
    /// Whether it calls through a pointer: `blx` or `bx` of a register. (`mov pc` is a jump
    /// table's.)
    pub(super) calls_pointers: bool,
}

/// The functions of a listing by their addresses.
///
/// # Errors
/// An instruction that moves the stack pointer by an amount that it does not tell.
pub(super) fn functions(listing: &str) -> Result<BTreeMap<u64, Function>, String> {
    let mut functions: BTreeMap<u64, Function> = BTreeMap::new();
    // The register that has just been set to a distance below the frame pointer: on Cortex-M0 the
    // stack pointer takes it at the end of a function.
    let mut below_frame = "";
    for line in listing.lines() {
        if let Some((address, name)) = heading(line) {
            let function = Function {
                name: name.to_owned(),
                frame: 0,
                calls: Vec::new(),
                calls_pointers: false,
            };
            functions.insert(address, function);
        } else if let (Some(mut last), Some((mnemonic, operands))) =
            (functions.last_entry(), instruction(line))
        {
            let (start, function) = (*last.key(), last.get_mut());
            let unknown = |why| format!("`{}`: {why}: {}", function.name, line.trim());
            let (first, rest) = operands.split_once(", ").unwrap_or((operands, ""));
            if (mnemonic, first) == ("mov", "sp") && rest == below_frame {
                continue;
            }
            below_frame = match (mnemonic, rest) {
                ("subs", rest) if rest.starts_with("r7, #") => first,
                ("subs", rest) if first == below_frame && rest.starts_with('#') => first,
                _ => "",
            };
            function.frame += taken(mnemonic, operands).map_err(unknown)?;
            match mnemonic {
                "blx" | "bx" if is_register(operands) => {
                    // `bx lr` returns.
                    function.calls_pointers |= (mnemonic, operands) != ("bx", "lr");
                }
                // A jump to its own begin is a loop, but a call of it is recursion.
                _ if mnemonic.starts_with(['b', 'c']) => {
                    let call = target(operands).filter(|&to| mnemonic == "bl" || to != start);
                    function.calls.extend(call);
                }
                _ => {}
            }
        }
    }
    // Other jumps stay inside a function.
    let starts: Vec<u64> = functions.keys().copied().collect();
    for function in functions.values_mut() {
        function
            .calls
            .retain(|call| starts.binary_search(call).is_ok());
    }
    Ok(functions)
}

/// `00008a0e <name>:`
fn heading(line: &str) -> Option<(u64, &str)> {
    let (address, name) = line.strip_suffix(">:")?.split_once(" <")?;
    Some((u64::from_str_radix(address, 16).ok()?, name))
}

/// The mnemonic, without the width of its encoding, and the operands: `    8002:\tadd.w\tr7, sp,
/// #12\t@ 0xc`.
fn instruction(line: &str) -> Option<(&str, &str)> {
    let mut fields = line.split('\t');
    fields.next()?.trim().strip_suffix(':')?;
    let mnemonic = fields.next()?.trim();
    let mnemonic = mnemonic.trim_end_matches(".w").trim_end_matches(".n");
    Some((mnemonic, fields.next().unwrap_or_default().trim()))
}

/// `r3, 89f4 <name+0x56>`: the address.
fn target(operands: &str) -> Option<u64> {
    let (before, _) = operands.split_once(" <")?;
    u64::from_str_radix(before.split(' ').next_back()?, 16).ok()
}

fn is_register(operands: &str) -> bool {
    !operands.contains(' ')
}

/// Bytes that an instruction takes from the stack.
fn taken(mnemonic: &str, operands: &str) -> Result<usize, &'static str> {
    let (first, rest) = operands.split_once(", ").unwrap_or((operands, ""));
    match (mnemonic, first) {
        ("push" | "vpush", _) => registers(operands),
        ("stmdb" | "vstmdb", "sp!") => registers(rest),
        ("sub" | "subw", "sp") => match rest.strip_prefix("sp, ").unwrap_or(rest) {
            // From the frame pointer, at the end of a function.
            rest if rest.starts_with("r7, #") => Ok(0),
            rest => number(rest),
        },
        // Given back, or put where the frame pointer is.
        ("add" | "addw", "sp") if rest.contains('#') => Ok(0),
        ("mov", "sp") if rest == "r7" => Ok(0),
        // `sp` without `!` stays as it is.
        ("cmp" | "str" | "stmia" | "ldmia", "sp") => Ok(0),
        (_, "sp") => Err("moves the stack pointer by an unknown amount"),
        _ if operands.ends_with("]!") && operands.contains("[sp, #-") => {
            let (_, amount) = operands.rsplit_once("#-").unwrap_or_default();
            number(&format!("#{}", amount.trim_end_matches("]!")))
        }
        _ => Ok(0),
    }
}

/// `#12`
fn number(text: &str) -> Result<usize, &'static str> {
    let digits = text
        .strip_prefix('#')
        .and_then(|digits| digits.parse().ok());
    digits.ok_or("takes an unknown amount of stack")
}

/// Bytes of `{r4, r5, lr}` or `{d8-d10}`.
fn registers(list: &str) -> Result<usize, &'static str> {
    let unknown = "stores registers that are not known";
    let list = list
        .strip_prefix('{')
        .and_then(|list| list.strip_suffix('}'));
    let mut bytes = 0;
    for part in list.ok_or(unknown)?.split(", ") {
        let size = if part.starts_with('d') { 8 } else { 4 };
        bytes += size
            * match part.split_once('-') {
                None => 1,
                Some((from, to)) => {
                    let place = |name: &str| name.get(1..)?.parse::<usize>().ok();
                    let (from, to) = place(from).zip(place(to)).ok_or(unknown)?;
                    (to + 1).checked_sub(from).ok_or(unknown)?
                }
            };
    }
    Ok(bytes)
}
