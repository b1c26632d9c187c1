//! Files are replaced whole or not at all, runs do not write the same output, and nothing is left.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::collections::BTreeSet;

use super::lock::OutputLock;
use super::place::can_write;
use super::*;

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn a_file_is_replaced_whole_and_nothing_else_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    write_atomic(&path, b"old and long").unwrap();
    write_atomic(&path, b"new").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new");
    assert_eq!(names(folder.path()), ["file".to_owned()].into());
}

#[test]
fn a_folder_that_is_not_there_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    assert!(write_atomic(folder.path().join("none/file"), b"").is_err());
    // A name that a folder has cannot be replaced; nothing is left beside it.
    let taken = folder.path().join("taken");
    fs::create_dir(&taken).unwrap();
    assert!(write_atomic(&taken, b"x").is_err());
    assert_eq!(names(folder.path()), ["taken".to_owned()].into());
}

#[cfg(unix)]
#[test]
fn links_are_followed_and_what_is_no_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (real, link) = (folder.path().join("real"), folder.path().join("link"));
    write_atomic(&real, b"old").unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    write_atomic(&link, b"new").unwrap();
    assert!(link.is_symlink());
    assert_eq!(fs::read(&real).unwrap(), b"new");
    assert_eq!(can_write(&link).unwrap(), real.canonicalize().unwrap());
    let round = folder.path().join("./real");
    assert_eq!(can_write(&round).unwrap(), can_write(&real).unwrap());
    assert!(can_write("/dev/null").is_err());
    assert!(can_write(folder.path()).is_err());
    assert!(write_atomic("/dev/null", b"x").is_err());
    assert_eq!(names(folder.path()).len(), 2);

    // One file has one lock, whatever it is called.
    let lock = OutputLock::acquire(&link).unwrap();
    for path in [&real, &link, &round] {
        let busy = OutputLock::acquire(path).unwrap_err();
        assert_eq!(busy.kind(), ErrorKind::ResourceBusy);
    }
    drop(lock);
    assert_eq!(names(folder.path()).len(), 2);
}

#[test]
fn what_ended_runs_have_left_is_removed_and_what_is_in_use_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let own = ["model.bnn", ".bnn-notes", ".bnn-a.tmp.txt", "bnn-a.tmp"];
    for name in own {
        fs::write(path(name), b"mine").unwrap();
    }
    for name in [".bnn-77-0-1a.tmp", ".other.bnn.bnn-lock"] {
        fs::write(path(name), b"half").unwrap();
    }
    let in_use = Temporary::new_in(folder.path()).unwrap();
    let held = OutputLock::acquire(path("model.bnn")).unwrap();
    let mut expected: BTreeSet<String> = own.map(str::to_owned).into();
    assert_eq!(names(folder.path()).len(), expected.len() + 2);
    let other = OutputLock::acquire(path("other.bnn")).unwrap();
    expected.insert("new".to_owned());
    in_use.rename(&path("new")).unwrap();
    drop((held, other));
    assert_eq!(names(folder.path()), expected);
}

#[test]
fn of_many_that_ask_for_a_lock_one_at_a_time_has_it() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("output");
    let (holders, granted) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50 {
                    if let Ok(lock) = OutputLock::acquire(&path) {
                        assert_eq!(holders.fetch_add(1, Ordering::SeqCst), 0);
                        granted.fetch_add(1, Ordering::SeqCst);
                        holders.fetch_sub(1, Ordering::SeqCst);
                        drop(lock);
                    }
                }
            });
        }
    });
    assert!(granted.load(Ordering::SeqCst) > 0);
    assert!(names(folder.path()).is_empty());
}
