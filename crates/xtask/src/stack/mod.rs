//! How much stack a linked program takes at most, from its disassembly: the frames along its
//! deepest calls. What calls itself has no such bound, nor has a call of an unknown function: both
//! are errors.

mod disassembly;

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::io::{self, Write};

use disassembly::{Function, functions};

/// Prints the bound for calls of the function `root`, with the path that needs it, for the output
/// of `objdump -d --demangle --no-show-raw-insn` in the file `listing`.
///
/// Each of `rules` is `CALLER -> CALLEE, CALLEE..`: which functions one may call through a pointer,
/// by parts of names; the caller `*` is any.
///
/// # Errors
/// A file that cannot be read, a root that is not in it, recursion, calls through pointers without
/// a rule, and rules that match nothing.
pub(crate) fn print(listing: &str, root: &str, rules: &[&str]) -> Result<(), Box<dyn Error>> {
    let listing = fs::read_to_string(listing).map_err(|error| format!("{listing}: {error}"))?;
    let bound = Bound::of(&listing, root, rules)?;
    let mut out = io::stdout().lock();
    writeln!(out, "stack: at most {} bytes", bound.bytes)?;
    for (name, frame) in bound.path {
        writeln!(out, "{frame:>6}  {name}")?;
    }
    Ok(())
}

/// The most that calls of a function take, and where: names and frames from the function inwards.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Bound {
    bytes: usize,
    path: Vec<(String, usize)>,
}

impl Bound {
    fn of(listing: &str, root: &str, rules: &[&str]) -> Result<Self, String> {
        let program = Program {
            functions: functions(listing)?,
            rules: rules
                .iter()
                .map(|rule| Rule::parse(rule))
                .collect::<Result<_, _>>()?,
        };
        let root = program
            .named(root)
            .next()
            .ok_or_else(|| format!("no function `{root}` in the listing"))?;
        for rule in &program.rules {
            for name in rule.callees.iter().chain([&rule.caller]) {
                if program.named(name).next().is_none() {
                    return Err(format!(
                        "no function `{name}` in the listing, which a rule names"
                    ));
                }
            }
        }
        program.deepest(root, &mut Vec::new(), &mut BTreeMap::new())
    }
}

struct Program {
    /// By address.
    functions: BTreeMap<u64, Function>,
    rules: Vec<Rule>,
}

/// What a function may call through pointers.
struct Rule {
    caller: String,
    callees: Vec<String>,
}

impl Rule {
    fn parse(text: &str) -> Result<Self, String> {
        let (caller, callees) = text
            .split_once(" -> ")
            .ok_or_else(|| format!("rule `{text}`: expected CALLER -> CALLEE, CALLEE.."))?;
        Ok(Self {
            caller: caller.replace('*', ""), // which is a part of every name
            callees: callees.split(", ").map(str::to_owned).collect(),
        })
    }
}

impl Program {
    /// Addresses of the functions with `part` in their names.
    fn named(&self, part: &str) -> impl Iterator<Item = u64> {
        let fits = move |(_, function): &(&u64, &Function)| function.name.contains(part);
        self.functions
            .iter()
            .filter(fits)
            .map(|(&address, _)| address)
    }

    /// The bound for the function at `address`. `callers` are being computed, `known` are done.
    fn deepest(
        &self,
        address: u64,
        callers: &mut Vec<u64>,
        known: &mut BTreeMap<u64, Bound>,
    ) -> Result<Bound, String> {
        if let Some(bound) = known.get(&address) {
            return Ok(bound.clone());
        }
        let name = |address: &u64| self.functions[address].name.clone();
        if let Some(first) = callers.iter().position(|&caller| caller == address) {
            let cycle: Vec<_> = callers[first..]
                .iter()
                .chain([&address])
                .map(name)
                .collect();
            return Err(format!("recursion: {}", cycle.join(" -> ")));
        }
        let function = &self.functions[&address];
        callers.push(address);
        let mut inner = Bound::default();
        for callee in self.callees(function)? {
            let bound = self.deepest(callee, callers, known)?;
            if bound.bytes > inner.bytes {
                inner = bound;
            }
        }
        callers.pop();
        let mut path = vec![(function.name.clone(), function.frame)];
        path.append(&mut inner.path);
        let bytes = function.frame + inner.bytes;
        let bound = Bound { bytes, path };
        known.insert(address, bound.clone());
        Ok(bound)
    }

    fn callees(&self, function: &Function) -> Result<Vec<u64>, String> {
        let mut callees = function.calls.clone();
        if function.calls_pointers {
            let rules = self
                .rules
                .iter()
                .filter(|r| function.name.contains(&r.caller));
            let pointed: Vec<u64> = rules
                .flat_map(|rule| rule.callees.iter().flat_map(|callee| self.named(callee)))
                .collect();
            if pointed.is_empty() {
                let name = &function.name;
                return Err(format!(
                    "`{name}` calls through a pointer, and no rule says what"
                ));
            }
            callees.extend(pointed);
        }
        Ok(callees)
    }
}

#[cfg(test)]
mod laws;
