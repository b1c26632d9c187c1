//! Bounds of small programs, as objdump lists them.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use super::Bound;

/// `main` calls `deep` and `flat`, and one of two functions through a pointer.
const PROGRAM: &str = "
target:     file format elf32-littlearm

Disassembly of section .text:

00008000 <main>:
    8000:\tpush\t{r4, r5, r7, lr}
    8002:\tadd\tr7, sp, #8
    8004:\tsub\tsp, #24\t@ 0x18
    8006:\tbl\t8100 <flat>
    800a:\tbeq.n\t8006 <main+0x6>
    800c:\tblx\tr3
    800e:\tbl\t8200 <<T as deep::Trait>::deep>
    8010:\tstmia.w\tsp, {r0, r2, r6}
    8012:\tadd\tsp, #24
    8014:\tpop\t{r4, r5, r7, pc}
    8016:\t.word\t0x00008100

00008100 <flat>:
    8100:\tstr.w\tfp, [sp, #-4]!
    8104:\tcbz\tr0, 8100 <flat>
    8106:\tbx\tlr

00008200 <<T as deep::Trait>::deep>:
    8200:\tstmdb\tsp!, {r8, r9, sl, fp}
    8204:\tvpush\t{d8-d9}
    8208:\tsub.w\tsp, sp, #1000\t@ 0x3e8
    820c:\tb.w\t8100 <flat>

00008300 <first::{{closure}}>:
    8300:\tsubw\tsp, sp, #2004
    8304:\tsub.w\tsp, r7, #8
    8308:\tbx\tlr

00008400 <second::{{closure}}>:
    8400:\tbx\tlr
";

const RULE: &str = "main -> {{closure}}";

fn refused(listing: &str, root: &str, rules: &[&str]) -> String {
    Bound::of(listing, root, rules).unwrap_err()
}

#[test]
fn the_deepest_path_is_the_sum_of_its_frames() {
    let bound = Bound::of(PROGRAM, "main", &[RULE]).unwrap();
    assert_eq!(bound.bytes, 16 + 24 + 2004);
    let path = [("main", 40), ("first::{{closure}}", 2004)];
    assert_eq!(
        bound.path,
        path.map(|(name, frame)| (name.to_owned(), frame))
    );
    // Without the deep one: registers, and a jump as the last act.
    let bound = Bound::of(PROGRAM, "main", &["main -> second::{{closure}}"]).unwrap();
    assert_eq!(bound.bytes, 40 + (16 + 16 + 1000) + 4);
}

#[test]
fn calls_through_pointers_need_a_rule_and_rules_must_fit() {
    let text = refused(PROGRAM, "main", &[]);
    assert!(text.contains("`main` calls through a pointer"), "{text}");
    let by_the_link = PROGRAM.replace("blx\tr3", "blx\tlr");
    let text = refused(&by_the_link, "main", &[]);
    assert!(text.contains("`main` calls through a pointer"), "{text}");
    assert!(Bound::of(PROGRAM, "main", &["* -> {{closure}}"]).is_ok());
    let text = refused(PROGRAM, "main", &[RULE, "main -> absent"]);
    assert!(text.contains("`absent`"), "{text}");
    let text = refused(PROGRAM, "main", &["absent -> flat"]);
    assert!(text.contains("`absent`"), "{text}");
    assert!(refused(PROGRAM, "main", &["main"]).contains("expected"));
    assert!(refused(PROGRAM, "none", &[RULE]).contains("`none`"));
    // Where nobody calls through a pointer none is asked for.
    assert_eq!(Bound::of(PROGRAM, "flat", &[]).unwrap().bytes, 4);
}

#[test]
fn recursion_is_refused_direct_indirect_and_through_pointers() {
    let direct = PROGRAM.replace("8104:\tcbz\tr0, 8100", "8104:\tbl\t8100");
    assert_eq!(refused(&direct, "flat", &[]), "recursion: flat -> flat");
    let through_others = PROGRAM.replace("8104:\tcbz\tr0, 8100 <flat>", "8104:\tb.n\t8200 <deep>");
    let text = refused(&through_others, "flat", &[]);
    assert_eq!(text, "recursion: flat -> <T as deep::Trait>::deep -> flat");
    let text = refused(PROGRAM, "main", &["main -> main"]);
    assert_eq!(text, "recursion: main -> main");
}

#[test]
fn a_stack_pointer_that_is_set_back_by_way_of_a_register_takes_nothing() {
    let back = "subs\tr6, r7, #7\n    8306:\tsubs\tr6, #5\n    8308:\tmov\tsp, r6";
    let listing = PROGRAM.replace("sub.w\tsp, r7, #8", back);
    let bound = Bound::of(&listing, "main", &[RULE]).unwrap();
    assert_eq!(bound.bytes, 16 + 24 + 2004);
    // With another register between, nobody knows what it holds.
    let listing = listing.replace("subs\tr6, #5", "movs\tr6, #5");
    refused(&listing, "main", &[RULE]);
}

#[test]
fn a_stack_pointer_that_moves_by_an_unknown_amount_is_refused() {
    for moved in [
        "sub\tsp, r3",
        "mov\tsp, r4",
        "add\tsp, r5",
        "bic.w\tsp, sp, #7",
    ] {
        let listing = PROGRAM.replace("subw\tsp, sp, #2004", moved);
        let text = refused(&listing, "main", &[RULE]);
        assert!(text.contains("first::{{closure}}"), "{moved}: {text}");
    }
}
